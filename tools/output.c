// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "tool.h"

/* what may wait for a reader before lines are lost */
#define QUEUE_MAX	65536

/**
 * struct queue - what was printed and not written yet
 * @printed: since it was last taken, by way of stdout
 * @printed_length: of that
 * @text: taken
 * @length: of that
 * @lossy: lines may be lost
 * @lost: that has been said
 * @within_line: what was written last does not end a line
 * @cut: its rest was lost
 * @err: of write(2), 0 if none
 */
static struct queue {
	char *printed;
	size_t printed_length;
	char *text;
	size_t length;
	bool lossy;
	bool lost;
	bool within_line;
	bool cut;
	int err;
} queue;

/**
 * output_queue() - queue what is printed from now on
 * @lossy: rather lose lines than keep anything from going on
 *
 * Return: 0 or -1.
 */
int output_queue(bool lossy)
{
	FILE *stream = open_memstream(&queue.printed, &queue.printed_length);

	if (!stream)
		return -1;
	queue.lossy = lossy;
	/* nor is "stty tostop" to stop commands that run in the background */
	if (lossy)
		signal(SIGTTOU, SIG_IGN);
	/* glibc allows that */
	stdout = stream;
	return 0;
}

bool output_is_lossy(void)
{
	return queue.lossy;
}

bool output_is_waiting(void)
{
	return queue.length;
}

static void queue_lose(const char *why)
{
	if (!queue.lossy || queue.lost)
		return;
	queue.lost = true;
	error("standard output: %s: lines are lost, commands go on", why);
}

static void queue_append(const char *text, size_t length)
{
	char *more = realloc(queue.text, queue.length + length);

	if (!more) {
		queue.err = ENOMEM;
		queue_lose(strerror(ENOMEM));
		return;
	}
	queue.text = more;
	memcpy(more + queue.length, text, length);
	queue.length += length;
}

static void queue_take(void)
{
	size_t length;

	fflush(stdout);
	length = queue.printed_length;
	if (!length)
		return;
	rewind(stdout);
	if (queue.lossy && queue.length + length > QUEUE_MAX) {
		queue_lose("nobody reads it");
		return;
	}
	/* what comes behind half a line is to be a line of its own */
	if (queue.cut)
		queue_append("\n", 1);
	queue.cut = false;
	queue_append(queue.printed, length);
}

/* No more than a pipe that is not full has space for, of that whole lines. */
static size_t queue_portion(void)
{
	const char *end;

	if (queue.length <= PIPE_BUF)
		return queue.length;
	end = memrchr(queue.text, '\n', PIPE_BUF);
	return end ? end - queue.text + 1 : PIPE_BUF;
}

/* Forgets all that was printed. */
void output_discard(void)
{
	queue_take();
	queue.cut |= queue.within_line;
	queue.within_line = false;
	if (queue.length) {
		queue.length = 0;
		queue_lose("nobody reads it");
	}
}

/**
 * output_push() - write what was printed, as far as write(2) does not block
 *
 * Return: 0, or an errno if standard output is of no use any more.
 */
int output_push(void)
{
	struct pollfd poll_ = { .fd = STDOUT_FILENO, .events = POLLOUT };
	ssize_t length;

	queue_take();
	while (queue.length && poll(&poll_, 1, 0) > 0) {
		length = write(STDOUT_FILENO, queue.text, queue_portion());
		if (length >= 0) {
			queue.within_line = queue.text[length - 1] != '\n';
			queue.length -= length;
			memmove(queue.text, queue.text + length, queue.length);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR)
			break;
		queue.err = errno;
		queue.length = 0;
		queue.cut |= queue.within_line;
		queue.within_line = false;
		queue_lose(strerror(queue.err));
	}
	return queue.lossy ? 0 : queue.err;
}

/*
 * Writes what was printed, where nothing is queued. If that fails the command
 * is to end: @status is set, to success where only the reader had enough, as
 * in "| head -n 1".
 */
bool output_flush(int *status)
{
	int err;

	if (!fflush(stdout) && !ferror(stdout))
		return true;
	err = errno;
	/* or the next call would say it again */
	__fpurge(stdout);
	clearerr(stdout);
	if (err == EPIPE) {
		*status = STATUS_OK;
	} else {
		fprintf(stderr, "tmpfswarn: standard output: %s\n",
			strerror(err));
		*status = STATUS_ERROR;
	}
	return false;
}
