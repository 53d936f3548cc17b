# SPDX-License-Identifier: GPL-2.0
# The module (Kbuild knows its objects) and the tool (tools/Makefile), built and installed.

VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
PREFIX ?= /usr/local
DKMS_SOURCE := $(DESTDIR)/usr/src/tmpfswarn-$(VERSION)

all: modules tools

help:
	@echo 'make                 module and tool'
	@echo 'make modules         tmpfswarn.ko, for the kernel in KDIR=$(KDIR)'
	@echo 'make tools           tools/tmpfswarn'
	@echo 'make install         both, below DESTDIR, the tool in PREFIX=$(PREFIX)'
	@echo 'make uninstall       takes away what install has put there'
	@echo 'make install-mount-helper'
	@echo '                     the tool, and "mount -t tmpfs -o warn_used=80%" through it (uninstall-mount-helper)'
	@echo 'make dkms-install    the module through dkms: built anew for each kernel (KVER=$(KVER))'
	@echo 'make dkms-remove     takes it out of dkms, for all kernels'
	@echo 'make demo            shows it at work in a virtual machine'
	@echo 'make check           all tests; KERNELS="6.1 6.12" for some kernels only,'
	@echo '                     TESTS="crossings files" for some tests only (an unknown name lists them)'
	@echo 'make check-all       more of them and for longer, above all on kernels with checkers; KERNELS, TESTS, too'
	@echo 'make check-mutants   each lock, barrier and re-check taken away in turn: do the tests notice?'
	@echo 'make coverage        which lines of the module the last run of the tests has reached'
	@echo 'make bench           what it costs, measured in virtual machines; KERNELS as above, JSON=1 for machines'
	@echo 'make lint            compilers, sparse, checkpatch, kernel-doc, shellcheck'
	@echo 'make clean'

kdir:
	@test -e $(KDIR)/Makefile || { \
		echo 'No kernel headers in $(KDIR): apt install linux-headers-$(KVER), or name other headers with KDIR=DIR' >&2; \
		exit 1; }

modules: kdir
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

tools:
	$(MAKE) -C tools

install: modules tools
	release=$$(cat $(KDIR)/include/config/kernel.release) && \
	install -D -m 644 tmpfswarn.ko $(DESTDIR)/lib/modules/$$release/updates/tmpfswarn.ko && \
	$(if $(DESTDIR),:,depmod $$release)
	$(MAKE) -C tools install PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

uninstall: kdir
	release=$$(cat $(KDIR)/include/config/kernel.release) && \
	rm -f $(DESTDIR)/lib/modules/$$release/updates/tmpfswarn.ko && \
	$(if $(DESTDIR),:,depmod $$release)
	$(MAKE) -C tools uninstall PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

install-mount-helper uninstall-mount-helper:
	$(MAKE) -C tools $@ PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

# dkms wants the source in a place of its own, and only what the module is made of
dkms-install:
	$(if $(DESTDIR),,test -z "$$(dkms status -m tmpfswarn -v $(VERSION))" || dkms remove -m tmpfswarn -v $(VERSION) --all)
	rm -rf $(DKMS_SOURCE)
	mkdir -p $(DKMS_SOURCE)
	cp -r Kbuild dkms.conf module uapi $(DKMS_SOURCE)
	find $(DKMS_SOURCE) -name '*.o' -o -name '.*.cmd' -o -name '*.mod*' | xargs -r rm -f
	$(if $(DESTDIR),,dkms add -m tmpfswarn -v $(VERSION))
	$(if $(DESTDIR),,dkms build -m tmpfswarn -v $(VERSION) -k $(KVER))
	$(if $(DESTDIR),,dkms install -m tmpfswarn -v $(VERSION) -k $(KVER))

dkms-remove:
	$(if $(DESTDIR),,-dkms remove -m tmpfswarn -v $(VERSION) --all)
	rm -rf $(DKMS_SOURCE)

demo:
	@tests/vm/demo

check:
	@KERNELS="$(KERNELS)" TESTS="$(TESTS)" KDIR="$(KDIR)" APPEND="$(APPEND)" tests/vm/check

check-all:
	@KERNELS="$(KERNELS)" TESTS="$(TESTS)" tests/vm/check all

check-mutants:
	@tests/mutants/check $(MUTANTS)

coverage:
	@tests/coverage/coverage

bench:
	@KERNELS="$(KERNELS)" tests/bench/bench $(if $(JSON),--json)

lint:
	@KDIR="$(KDIR)" tests/lint

clean:
	-test ! -e $(KDIR)/Makefile || $(MAKE) -C $(KDIR) M=$(CURDIR) clean
	for dir in tools tests/kselftest tests/unit tests/seeds tests/tool tests/samples tests/bench tests/work; do \
		test ! -e $$dir/Makefile || $(MAKE) -C $$dir clean || exit; \
	done

.PHONY: all help kdir modules tools install uninstall install-mount-helper uninstall-mount-helper dkms-install dkms-remove demo check check-all check-mutants coverage bench lint clean
