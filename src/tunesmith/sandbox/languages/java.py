"""Java: a JDK. Our compiler and launcher are compiled once, with an archive of the classes they need."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from .language import Language, Toolchain, kept, run, said

INSTALL = "install a JDK, 11 or later, e.g. `apt-get install default-jdk-headless`"
_SOURCES = Path(__file__).parent.parent / "box" / "toolchains" / "jvm"
_OPENS = "--add-opens=java.base/java.io=ALL-UNNAMED"
_TRIAL = """import java.util.*; import java.util.stream.*; import java.math.*;
class Problem {
  static List<Integer> twice(List<Integer> of) {
    return of.stream().map(x -> x * 2).sorted().collect(Collectors.toList()); }
  public static void main(String[] args) { Map<String, Long> counts = new HashMap<>();
    for (String word : "a b".split(" ")) counts.merge(word, 1L, Long::sum);
    StringBuilder text = new StringBuilder(String.format("%d %s", 1, counts));
    assert twice(new ArrayList<Integer>(Arrays.asList(1, 2))).equals(List.of(2, 4)) : text;
    if (!Optional.of(BigInteger.ONE).isPresent()) throw new AssertionError(); } }
"""
"""What most programs are made of: compiled and run once, so that the archives hold the classes it takes."""


def _find() -> Toolchain | None:
    java, javac = shutil.which("java"), shutil.which("javac")
    if not java or not javac:
        return None
    version = said(javac, "-version")
    release = re.search(r"(\d+)", version)
    if release is None or int(release[1]) < 11:
        return None
    real = Path(java).resolve()
    return Toolchain(version, {"java": str(real)}, _folders(real.parent.parent))


def _folders(home: Path) -> tuple[str, ...]:
    """The machine's folders, with those outside that its configuration links to."""
    found = dict.fromkeys([str(home)])
    for link in (home / "conf", home / "lib" / "jvm.cfg", home / "lib" / "security" / "cacerts"):
        real = link.resolve()
        if real.exists() and home not in real.parents:
            found[str(real)] = None
            if link.parent.name == "lib":
                found[str(real.parent)] = None
    return tuple(found)


def _prepare(found: Toolchain) -> Toolchain:
    java = found.settings["java"]
    sources = {path.name: path.read_text() for path in sorted(_SOURCES.glob("*.java"))}
    classes = kept("java", [found.version, java, sources], lambda new: _compile(Path(java), new))
    jar = str(classes / "box.jar")
    archives = kept("java-archives", [jar, _TRIAL], lambda new: _archive(java, jar, new))
    return replace(
        found,
        settings={**found.settings, "jar": jar, "archives": str(archives)},
        readable=(*found.readable, str(classes), str(archives)),
    )


def _compile(java: Path, folder: Path) -> None:
    tools = java.parent
    run([str(tools / "javac"), "-d", "out", *map(str, sorted(_SOURCES.glob("*.java")))], folder)
    run([str(tools / "jar"), "--create", "--file", "box.jar", "-C", "out", "."], folder)


def _archive(java: str, jar: str, folder: Path) -> None:
    """An archive remembers where its jar lies, so that has its place by now. Before 13 there are none."""
    start = [java, "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", _OPENS, "-cp", jar]
    for name in ("Compiler", "Launcher"):
        with contextlib.suppress(subprocess.SubprocessError):
            run([*start, f"-XX:ArchiveClassesAtExit={name}.jsa", f"box.{name}", _TRIAL], folder)


LANGUAGE = Language("java", INSTALL, _find, _prepare)
