"""What `voicereel completion` prints, in the shells where they exist."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.service import Run

CHECKS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """The `voicereel` command, alone in a folder."""
    path = tmp_path / "bin" / "voicereel"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\nfrom voicereel_client.cli import main\nmain()\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("shell", CHECKS)
def test_the_script_names_the_program_and_its_variable(shell: str, run: Run):
    result = run("completion", shell)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"_VOICEREEL_COMPLETE={shell}_complete" in result.stdout
    registrations = {
        "bash": "complete -o nosort -F _voicereel_completion voicereel",
        "zsh": "compdef _voicereel_completion voicereel",
        "fish": "--command voicereel",
    }
    assert registrations[shell] in result.stdout


@pytest.mark.parametrize("shell", CHECKS)
def test_no_shell_is_needed_to_print_it(
    shell: str, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run("completion", shell)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "voicereel" in result.stdout


@pytest.mark.parametrize("shell", CHECKS)
def test_the_shell_can_read_it(shell: str, run: Run, tmp_path: Path):
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    (tmp_path / "script").write_text(run("completion", shell).stdout)
    checked = subprocess.run(
        [*CHECKS[shell], str(tmp_path / "script")], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("shell", CHECKS)
def test_the_command_answers_what_the_script_asks(shell: str, command: Path):
    """The protocol between the two, without the shell."""
    words = {"COMP_WORDS": "voicereel jobs ap", "COMP_CWORD": "2" if shell != "fish" else "ap"}
    asked = {**os.environ, **words, "_VOICEREEL_COMPLETE": f"{shell}_complete"}
    answered = subprocess.run([command], env=asked, capture_output=True, text=True, check=True)
    assert "approve" in answered.stdout
    assert "cancel" not in answered.stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_completes_with_it(command: Path):
    script = """
        eval "$(voicereel completion bash)"
        COMP_WORDS=(voicereel jobs ap); COMP_CWORD=2
        _voicereel_completion voicereel
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    completed = subprocess.run(
        ["bash", "--norc", "-c", script], env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert (completed.stdout, completed.stderr) == ("approve\n", "")
