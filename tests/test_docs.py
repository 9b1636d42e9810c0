"""README and docs/: every link leads somewhere, every command and option exists, every example is one."""

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from seisnet.cli import cli
from seisnet.config import from_dict
from seisnet.config.reading import SECTIONS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

pytestmark = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def fenced(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def commands(page):
    """The words of every line of code that calls seisnet, without its comment."""
    lines = page.read_text(encoding="utf-8").splitlines()
    code = (re.search(r"(?:^    |&& )(seisnet .*)", line) for line in lines)
    return [shlex.split(found[1], comments=True) for found in code if found]


def anchors(page):
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_lead_to_files_and_headings(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


def test_commands_and_their_options_exist(page):
    for _, *words in commands(page):
        command = cli
        while isinstance(command, click.Group):
            context = click.Context(command)
            command = command.get_command(context, words.pop(0))
            assert command is not None, words
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if re.match("-{1,2}[a-z]", word)} <= known, (command.name, words)


def test_options_in_the_text_exist(page):
    context = click.Context(cli)
    every = [cli.get_command(context, name) for name in cli.list_commands(context)]
    every += [c for group in every if isinstance(group, click.Group) for c in group.commands.values()]
    known = {name for command in every for parameter in command.params for name in parameter.opts} | {"--help"}
    said = re.findall(r"`(?:[a-z]+ )*(--[a-z][a-z-]*)", page.read_text(encoding="utf-8"))
    assert set(said) <= known


def test_settings_are_settings(page):
    for text in fenced(page, "toml"):
        for section, values in tomllib.loads(text).items():
            from_dict(SECTIONS[section], values, where=page.name)


def test_python_is_python(page):
    for text in fenced(page, "python"):
        compile(text, page.name, "exec")


def test_a_page_says_first_what_it_is_for(page):
    title, empty, first, *_ = page.read_text(encoding="utf-8").splitlines()
    assert title.startswith("# ") and not empty and len(first.split()) > 8


def test_no_page_names_a_path_of_one_machine(page):
    assert not re.search(r"(?<![\w.:])/(?:home|tmp|work|root|Users)/", page.read_text(encoding="utf-8"))
