"""The command completion: lets a shell complete command lines."""

import argparse

from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import say

SHELLS = ("bash", "zsh", "fish")
EPILOG = """\
examples, for this shell alone:
  eval "$(mpi-layout completion bash)"
  eval "$(mpi-layout completion zsh)"
  mpi-layout completion fish | source

for every shell to come:
  mpi-layout completion bash >> ~/.bash_completion
  mpi-layout completion zsh > ~/.zfunc/_mpi-layout    with fpath+=~/.zfunc before compinit in ~/.zshrc
  mpi-layout completion fish > ~/.config/fish/completions/mpi-layout.fish

Tab completes commands, options, their values, files of the right kind, and the keys of the configs in them.
"""


def add(commands: Commands) -> None:
    """Add `completion`."""
    completion = add_command(
        commands, "completion", completion_command, "print what lets a shell complete command lines", EPILOG
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")


def completion_command(args: argparse.Namespace) -> int:
    """Print the script for a shell."""
    from argcomplete.shell_integration import shellcode

    say(shellcode(["mpi-layout"], True, args.shell))
    return 0
