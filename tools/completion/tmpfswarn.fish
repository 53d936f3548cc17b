# SPDX-License-Identifier: GPL-2.0
# fish completion for tmpfswarn

set -l commands list ls watch wait run metrics status help version
set -l none "not __fish_seen_subcommand_from $commands"
set -l target "__fish_seen_subcommand_from watch wait"
set -l levels "50% 60% 70% 80% 90% 95% low medium critical free:5% free:10% free:200M inodes:80% inodes:90% refused"

complete -c tmpfswarn -n "$none" -f
complete -c tmpfswarn -n "$none" -a list -d "Every tmpfs mounted, its use and its levels"
complete -c tmpfswarn -n "$none" -a watch -d "A line each time usage passes a level"
complete -c tmpfswarn -n "$none" -a wait -d "Wait until usage has reached a level"
complete -c tmpfswarn -n "$none" -a run -d "The service: acts as its configuration says"
complete -c tmpfswarn -n "$none" -a metrics -d "Figures of every tmpfs, for Prometheus"
complete -c tmpfswarn -n "$none" -a status -d "Is the module at work, and what to do if not"
complete -c tmpfswarn -n "$none" -a help -d "What a subcommand takes"
complete -c tmpfswarn -n "$none" -a version -d "Print the version"
complete -c tmpfswarn -n "__fish_seen_subcommand_from help" -f -a "list watch wait run metrics status"
complete -c tmpfswarn -n "$none" -s V -l version -d "Print the version"
complete -c tmpfswarn -s h -l help -d "Print help"

complete -c tmpfswarn -l interface -x -a "auto device debugfs" -d "How to speak to the module"
complete -c tmpfswarn -n "not __fish_seen_subcommand_from wait run metrics" -s j -l json -d "Print JSON"
complete -c tmpfswarn -n "__fish_seen_subcommand_from list ls run metrics status version" -f
complete -c tmpfswarn -n "not __fish_seen_subcommand_from wait run metrics status help version" -l cgroup -x -a "(__fish_complete_directories)" -d "Whose memory is meant"
complete -c tmpfswarn -n "not __fish_seen_subcommand_from watch wait run metrics status help version" -l owners -d "Who registered each level"

complete -c tmpfswarn -n "$target" -a "(findmnt -rno TARGET -t tmpfs)" -d "tmpfs"
complete -c tmpfswarn -n "$target" -a "$levels" -d "Level"
complete -c tmpfswarn -n "$target" -s t -l timeout -x -d "End after so long"
complete -c tmpfswarn -n "$target" -l falling -d "Below the level"
complete -c tmpfswarn -n "$target" -l follow -d "Whatever is mounted there"

complete -c tmpfswarn -n "__fish_seen_subcommand_from run" -l config -r -F -d "In place of tmpfswarn.conf"
complete -c tmpfswarn -n "__fish_seen_subcommand_from run" -l dry-run -d "Print what would be watched now"
complete -c tmpfswarn -n "__fish_seen_subcommand_from run" -l user -d "Be a user's, with notifications"

complete -c tmpfswarn -n "__fish_seen_subcommand_from watch" -l rising -d "Tell of up only"
complete -c tmpfswarn -n "__fish_seen_subcommand_from watch" -l both -d "Tell of up and down"
complete -c tmpfswarn -n "__fish_seen_subcommand_from watch" -l hysteresis -x -a "1% 2% 5% 10%" -d "How far usage must go back"
complete -c tmpfswarn -n "__fish_seen_subcommand_from watch" -s n -l count -x -d "End after so many events"
complete -c tmpfswarn -n "__fish_seen_subcommand_from watch" -l once -d "Tell of each level once"
complete -c tmpfswarn -n "__fish_seen_subcommand_from watch" -s e -l exec -x -a "(__fish_complete_command)" -d "Run for each event"
complete -c tmpfswarn -n "__fish_seen_subcommand_from watch" -l latest -d "Of what comes while it runs, for the latest event alone"
complete -c tmpfswarn -n "__fish_seen_subcommand_from watch" -l exec-timeout -x -d "End a command that takes longer"
