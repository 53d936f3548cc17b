# SPDX-License-Identifier: GPL-2.0
# bash completion for tmpfswarn

_tmpfswarn()
{
	local cur prev words cword options command=list
	local levels='50% 60% 70% 80% 90% 95% low medium critical free:5% free:10% free:200M inodes:80% inodes:90% refused'

	_init_completion -s -n : 2>/dev/null || {
		cur=${COMP_WORDS[COMP_CWORD]}
		prev=${COMP_WORDS[COMP_CWORD - 1]}
		words=("${COMP_WORDS[@]}")
		cword=$COMP_CWORD
	}
	if ((cword > 1)) && [[ ${words[1]} != -* ]]; then
		command=${words[1]}
	elif [[ $cur != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'list watch wait run metrics status help version' -- "$cur")
		return
	fi

	case $command in
	help)
		mapfile -t COMPREPLY < <(compgen -W 'list watch wait run metrics status' -- "$cur")
		return
		;;
	list | ls) options='--cgroup --owners --interface --json --help' ;;
	status) options='--interface --json --help' ;;
	watch) options='--rising --falling --both --hysteresis --count --once --follow --timeout --exec --latest --exec-timeout --cgroup --interface --json --help' ;;
	wait) options='--falling --follow --timeout --interface --help' ;;
	metrics) options='--interface --help' ;;
	run) options='--config --dry-run --user --interface --help' ;;
	*) return ;;
	esac
	((cword == 1)) && options+=' --version'

	case $prev in
	--hysteresis)
		mapfile -t COMPREPLY < <(compgen -W '1% 2% 5% 10%' -- "$cur")
		return
		;;
	--interface)
		mapfile -t COMPREPLY < <(compgen -W 'auto device debugfs' -- "$cur")
		return
		;;
	--config)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
		return
		;;
	--cgroup)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		compopt -o filenames 2>/dev/null
		return
		;;
	--exec | -e)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
		;;
	--count | -n | --timeout | -t | --exec-timeout)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ $command == watch || $command == wait ]]; then
		# the mounts come first, then other paths, then levels
		local mounts
		mounts=$(findmnt -rno TARGET -t tmpfs 2>/dev/null)
		mapfile -t COMPREPLY < <(
			compgen -W "$mounts $levels" -- "$cur"
			[[ $cur == [./~]* ]] && compgen -f -- "$cur"
		)
		compopt -o filenames -o nosort 2>/dev/null
		# bash takes "free:" and "inodes:" for words of their own
		declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
	fi
} && complete -F _tmpfswarn tmpfswarn
