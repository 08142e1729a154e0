"""The page: what the run was, what it cost, what it saved, and what went wrong."""

from __future__ import annotations

import importlib.resources
import time

from hypernodes.callbacks import FailureSummary, RunSummary, StepSummary
from hypernodes.cli._words import count, seconds
from hypernodes.cli.report._flow import render_flow
from hypernodes.cli.report._html import Html, element
from hypernodes.cli.report._timeline import render_items, render_lanes, render_workers

_WORDS = {"executed": "done"}
_MOST_FAILURES = 100
_MOST_REASONS = 2
# nothing is fetched from anywhere, whatever a value that is shown may hold
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def render_report(run: RunSummary) -> str:
    """Return the page of *run*; it fetches nothing."""
    sections = [_header(run), _tiles(run)]
    if run.steps:
        sections.append(
            _section("Pipeline", _legend(), element("div", render_flow(run), class_="scroll"))
        )
    if run.failures:
        sections.append(_failures(run))
    if run.spans:
        sections.append(_section("Timeline", render_lanes(run)))
    workers = render_workers(run)
    if workers is not None:
        sections.append(_section("Workers", workers))
    if run.total:
        sections.append(_section("Items", render_items(run)))
    sections.append(_section("Nodes", _nodes(run)))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", f"{run.title} · {run.id}"),
        element("style", Html(_resource("report.css"))),
    )
    footer = element("footer", f"HyperNodes {run.about.get('version', '')} · {run.file.name}")
    script = element("script", Html(_resource("report.js")))
    body = element("body", element("main", *sections, footer), script)
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _resource(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text("utf-8")


def _section(title: str, *children: str | None) -> Html:
    return element("section", element("h2", title), *children)


def _header(run: RunSummary) -> Html:
    about = run.about
    word = _WORDS.get(run.outcome, run.outcome)
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.at))
    facts = [
        run.id,
        when,
        str(about.get("engine", "")),
        f"{about.get('host', '')}, Python {about.get('python', '')}",
        str(about.get("target") or ""),
    ]
    button = element("button", "◐", type="button", id="theme", title="light or dark")
    name = element("h1", run.title, element("span", word, class_=f"badge is-{run.outcome}"))
    line = element("p", *_dotted([each for each in facts if each]), class_="facts")
    return element("header", element("div", name, button, class_="title"), line)


def _dotted(texts: list[str]) -> list[Html]:
    return [element("span", text) for text in texts]


def _tiles(run: RunSummary) -> Html:
    results = run.executed + run.hits
    tiles = [_tile("took", seconds(run.seconds))]
    if run.total is not None:
        done = sum(kind != "failed" for kind in run.items.values())
        text = f"{run.total:,}" if done == run.total else f"{done:,} of {run.total:,}"
        tiles.append(_tile("items", text))
    tiles.append(_tile("executed", f"{run.executed:,}", "executed" if run.executed else ""))
    share = f"{100 * run.hits / results:.0f} %" if results else ""
    tiles.append(_tile("hits", f"{run.hits:,}", "hit" if run.hits else "", share))
    tiles.append(_tile("failed", f"{run.failed:,}", "failed" if run.failed else ""))
    if run.saved:
        factor = (run.seconds + run.saved) / max(run.seconds, 1e-9)
        times = f"{factor:.1f} × faster" if factor < 100 else f"{factor:,.0f} × faster"
        tiles.append(_tile("saved by the cache", seconds(run.saved), "hit", times))
    return element("div", *tiles, class_="tiles")


def _tile(label: str, value: str, kind: str = "", note: str = "") -> Html:
    return element(
        "div",
        element("b", value, class_=f"text-{kind}" if kind else None),
        element("span", label, element("small", note) if note else None),
        class_="tile",
    )


def _legend() -> Html:
    kinds = [("hit", "hit"), ("executed", "executed"), ("failed", "failed")]
    marks = [element("span", element("i", class_=f"is-{kind}"), word) for kind, word in kinds]
    heat = element("span", element("i", class_="heat-scale"), "share of the time")
    return element("p", *marks, heat, class_="legend")


def _nodes(run: RunSummary) -> Html:
    heads = ["node", "executed", "hits", "failed", "time", "each"]
    heads += ["saved"] if run.saved else []
    row = element("tr", *(element("th", head) for head in heads), element("th", "why it ran"))
    body = [_node(step, run) for step in run.functions]
    table = element("table", element("thead", row), element("tbody", *body), class_="nodes")
    return element("div", table, class_="scroll")


def _node(step: StepSummary, run: RunSummary) -> Html:
    calls = step.executed + step.failed
    total = sum(each.seconds for each in run.functions)
    share = 100 * step.seconds / total if total else 0
    took = element(
        "td",
        element("i", class_="share", style=f"width:{share:.1f}%"),
        element("span", seconds(step.seconds) if calls else ""),
        class_="number time",
    )
    saved = element("td", seconds(step.saved) if step.saved else "", class_="number")
    return element(
        "tr",
        element("td", step.path, class_="path"),
        _number(step.executed, "executed"),
        _number(step.hits, "hit"),
        _number(step.failed, "failed"),
        took,
        element("td", seconds(step.seconds / calls) if calls else "", class_="number"),
        saved if run.saved else None,
        element("td", *_reasons(step), class_="why"),
    )


def _reasons(step: StepSummary) -> list[Html]:
    shown = list(step.reasons.items())[:_MOST_REASONS]
    lines = [
        element("div", reason.removeprefix(f"{step.name} runs: "), _times(times))
        for reason, times in shown
    ]
    left = step.executed - sum(times for _, times in shown)
    if shown and left > 0:
        lines.append(element("div", element("small", f"and {left:,} more like these")))
    return lines


def _times(times: int) -> Html | None:
    return element("small", f" × {times:,}") if times > 1 else None


def _number(value: int, kind: str) -> Html:
    style = f"number text-{kind}" if value else "number zero"
    return element("td", f"{value:,}", class_=style)


def _failures(run: RunSummary) -> Html:
    shown = [_failure(run, failure) for failure in run.failures[:_MOST_FAILURES]]
    left = len(run.failures) - len(shown)
    more = element("p", f"and {count(left, 'failure')} more", class_="note") if left > 0 else None
    return _section("Failures", *shown, more)


def _failure(run: RunSummary, failure: FailureSummary) -> Html:
    item = "" if failure.item is None else f" · {failure.items}"
    rows = [
        element("tr", element("th", name), element("td", words))
        for name, words in failure.inputs.items()
    ]
    number = "" if failure.item is None else f" {failure.item}"
    command = f"hypernodes repro {run.id} {failure.path}{number}"
    trace = element("details", element("summary", "traceback"), element("pre", failure.traceback))
    return element(
        "article",
        element("h3", failure.path, element("small", item)),
        element("p", element("b", failure.error), f": {failure.message}", class_="message"),
        element("table", *rows, class_="inputs") if rows else None,
        trace if failure.traceback else None,
        element("p", element("code", command), class_="command") if failure.pickle else None,
        class_="failure",
    )
