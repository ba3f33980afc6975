"""Types and data links: known types, ports that exist, one link per single port, no cycle, no gap."""

from __future__ import annotations

from pypeline.core.checks.finding import Finding, data_path, line_of, remove
from pypeline.core.modules import ModuleDecl
from pypeline.core.ports import input_ports, output_ports, rule
from pypeline.schema.flow import DataLink
from pypeline.schema.problems import Fix, did_you_mean

CANNOT = {
    "source": ("no data comes into a source", ""),
    "sink": ("", "no data leaves a sink"),
    "solo": ("a solo module has no data links", "a solo module has no data links"),
}
"""Kind → why no data link may lead there, and why none may leave."""


def types(finding: Finding) -> None:
    """Every module's type is in the catalogue."""
    for at, module in enumerate(finding.flow.modules):
        if module.name not in finding.catalogue.types:
            hint = did_you_mean(module.name, finding.catalogue.types) or "Register the type, or take the module out."
            near = hint.removeprefix("did you mean `").removesuffix("`?") if hint.startswith("did") else ""
            fixes = (Fix(f"Use `{near}`", ("modules", at, "name"), near),) if near else ()
            finding.say("PYE300", f"there is no module type `{module.name}`", finding.module_place(module.id, "name"), _capital(hint), *fixes)


def links(finding: Finding) -> None:
    """Ends, kinds and ports of data links; duplicates; single ports with two links; self loops."""
    taken: dict[tuple[str, str], int] = {}
    seen: dict[tuple[str, str, str, str], int] = {}
    for index, link in enumerate(finding.flow.connections.data):
        if not _ends(finding, index, link):
            continue
        if link.source == link.target:
            finding.say(
                "PYE211", f"a data link leads from `{link.source}` to itself: {link.source} -> {link.source}", finding.data_place(index),
                "Link it to another module.", remove(link, data_path(index)),
            )  # fmt: skip
            continue
        parts = (link.source, link.source_port, link.target, link.target_port)
        if parts in seen:
            first = finding.data_place(seen[parts])
            finding.say(
                "PYE216", f"the data link `{link}` stands here a second time; first{line_of(first) or ' above'}", finding.data_place(index),
                "Remove one of the two.", remove(link, data_path(index)),
            )  # fmt: skip
            continue
        seen[parts] = index
        source, target = finding.decl(link.source), finding.decl(link.target)
        _leaves(finding, index, link, source)
        if _arrives(finding, index, link, target) and target is not None and "many" not in rule(target, link.target_port):
            other = taken.setdefault((link.target, link.target_port), index)
            if other != index:
                first = finding.data_place(other)
                finding.say(
                    "PYE214",
                    f"two data links lead into `{link.target}.{link.target_port}`, which takes one: "
                    f"`{finding.flow.connections.data[other]}`{line_of(first)} and `{link}`{line_of(finding.data_place(index))}",
                    finding.data_place(index),
                    "Remove one of them, or bring both tables together first, with `union_mod` or `join_mod`.",
                    remove(link, data_path(index)),
                )


def cycles(finding: Finding) -> None:
    """Data links form no cycle."""
    if any(link.source == link.target for link in finding.flow.connections.data):
        return
    cycle = finding.graph.data_cycle()
    if cycle is not None:
        index = next(i for i, link in enumerate(finding.flow.connections.data) if (link.source, link.target) == cycle[:2])
        finding.say("PYE211", f"the data links form a cycle: {' -> '.join(cycle)}", finding.data_place(index), "Remove one of these links.")


def inputs(finding: Finding) -> None:
    """Every input port that needs a table has a link."""
    into = {(link.target, link.target_port) for link in finding.flow.connections.data}
    for module in finding.flow.modules:
        decl = finding.catalogue.types.get(module.name)
        if decl is None or not module.enabled:
            continue
        for port in decl.input_ports:
            if (module.id, port) not in into and "optional" not in rule(decl, port):
                finding.say(
                    "PYE215", f"nothing is linked to `{module.id}.{port}`, which needs a table", finding.module_place(module.id),
                    f"Add a data link `… - {module.id}.{port}`, or set `enabled: false`.",
                    Fix("Disable the module", ("modules", finding.at[module.id], "enabled"), False),
                )  # fmt: skip


def bypasses(finding: Finding) -> None:
    """A bypassed module passes the rows of its one input to its one output."""
    for module in finding.flow.modules:
        decl = finding.catalogue.types.get(module.name)
        if not module.bypass or decl is None:
            continue
        outputs = {link.source_port for link in finding.flow.connections.data if link.source == module.id}
        into = sum(link.target == module.id for link in finding.flow.connections.data)
        passing = output_ports(decl, module)[:1]
        if decl.kind != "mod" or into != 1 or not outputs <= set(passing):
            finding.say(
                "PYE269",
                f"`{module.id}` cannot be bypassed: rows pass from one input to one output, and it has {into} data links in and {len(outputs)} ports read",
                finding.module_place(module.id, "bypass"), "Take `bypass` out; to leave the module and what it feeds out of a run, set `enabled: false`.",
                Fix("Take `bypass` out", ("modules", finding.at[module.id], "bypass")),
            )  # fmt: skip


def _ends(finding: Finding, index: int, link: DataLink) -> bool:
    missing = [id for id in dict.fromkeys((link.source, link.target)) if id not in finding.modules]
    for id in missing:
        finding.say(
            "PYE210", f"the data link `{link}` names `{id}`, and there is no such module", finding.data_place(index),
            _capital(did_you_mean(id, finding.modules)), remove(link, data_path(index)),
        )  # fmt: skip
    return not missing


def _leaves(finding: Finding, index: int, link: DataLink, decl: ModuleDecl | None) -> bool:
    if decl is None:
        return True
    why = CANNOT.get(decl.kind, ("", ""))[1]
    ports = output_ports(decl, finding.modules[link.source])
    return _port(finding, index, link, (link.source, link.source_port, "output"), why if not ports else "", ports)


def _arrives(finding: Finding, index: int, link: DataLink, decl: ModuleDecl | None) -> bool:
    if decl is None:
        return True
    why = CANNOT.get(decl.kind, ("", ""))[0]
    ports = input_ports(decl, finding.modules[link.target])
    return _port(finding, index, link, (link.target, link.target_port, "input"), why if not ports else "", ports)


def _port(finding: Finding, index: int, link: DataLink, end: tuple[str, str, str], why: str, ports: tuple[str, ...]) -> bool:
    id, port, side = end
    if port in ports:
        return True
    if why:
        finding.say(
            "PYE217", f"`{link}`: `{id}` is of the type `{finding.modules[id].name}`, and {why}", finding.data_place(index),
            "Remove the link, or use another module.", remove(link, data_path(index)),
        )  # fmt: skip
    else:
        finding.say(
            "PYE213", f"`{id}` ({finding.modules[id].name}) has no {side} port `{port}`", finding.data_place(index),
            _capital(did_you_mean(port, ports)) or f"It has no {side} ports.",
        )  # fmt: skip
    return False


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
