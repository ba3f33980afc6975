"""Loops: frames begin, end and are forgotten; what a loop leaves behind (control-rules.md, 14, 20, 21).

Steps: ``loop`` (an iterate link opened), ``no_frames`` (it closed) and ``frame_over``. A loop
has at most ``xN`` frames at a time, begun in the order of their rows; only those have records.
"""

from __future__ import annotations

from pypeline.core.actions import FrameChanged, FramesJoined, JoinFrames, ModuleChanged, SubFlowChanged, ValveChanged
from pypeline.core.control.machine import Machine
from pypeline.core.control.records import STICKY, FrameRun, LinkRun, LoopRun
from pypeline.core.results import State


def begin(machine: Machine, link: LinkRun) -> None:
    """An iterate link opened: its frames may begin. Over no rows it is over at once (rule 21)."""
    loop = LoopRun(link)
    link.source.loops = (*link.source.loops, loop)
    if link.count == 0:
        no_frames(machine, link, "no_items")
        over(machine, loop)
    else:
        machine.ask_for_frames(loop)


def advance(machine: Machine, loop: LoopRun) -> None:
    """Begin as many frames as may run now; a halted loop begins none. After the last the loop is over."""
    loop.wanted = False
    source, count = loop.source, loop.link.count
    if not (loop.halted or source.halted):
        most = loop.link.valve.parallel or 1
        while len(loop.frames) < most and loop.next < count:
            _begin_frame(machine, loop)
    elif loop.next < count:
        _skip(machine, loop, count)
    if not loop.frames and loop.next == count:
        _join(machine, loop)


def _begin_frame(machine: Machine, loop: LoopRun) -> None:
    valve = loop.link.valve
    frame = FrameRun(loop, loop.next)
    loop.next += 1
    loop.begun = True
    loop.frames[frame.index] = frame
    machine.build(frame, machine.parts[valve.index])
    machine.say(FrameChanged(valve.index, frame.id, "running", "", loop.done, loop.link.count))
    root = machine.subs[valve.target_sub_flow, frame.id]
    root.shield = loop.source.shield
    machine.ask_to_begin(root)


def _skip(machine: Machine, loop: LoopRun, count: int) -> None:
    """Frames that will not begin have one record each, and their modules none."""
    reason = machine.halted or "halted"
    machine.spoil(loop, loop.source.shield)
    if not loop.begun:
        no_frames(machine, loop.link, reason)
    home = loop.source.home
    head = "" if home.loop is None else f"{home.id}-"
    for index in range(loop.next, count):
        loop.done += 1
        machine.say(FrameChanged(loop.link.valve.index, f"{head}{index}", "cancelled", reason, loop.done, count))
    loop.next = count


def frame_over(machine: Machine, frame: FrameRun) -> None:
    """Everything in ``frame`` has ended: its one record, and the next frame's turn."""
    loop = frame.loop
    assert loop is not None
    state: State = "failed" if frame.failure else "cancelled" if frame.stopped else "completed"
    loop.done += 1
    del loop.frames[frame.index]
    for name, value in frame.globals.items():
        if loop.last.get(name, (-1,))[0] < frame.index:
            loop.last[name] = (frame.index, value)
    reason = frame.failure or frame.stopped or "ok"
    machine.say(FrameChanged(loop.link.valve.index, frame.id, state, reason, loop.done, loop.link.count))
    machine.drop(frame)
    machine.ask_for_frames(loop)


def _join(machine: Machine, loop: LoopRun) -> None:
    """All frames have ended. What their sinks collected is brought together before the loop is over."""
    valve = loop.link.valve
    if valve.joins and loop.begun and machine.stopped != "hard":
        if not loop.joining:
            loop.joining = True
            machine.say(JoinFrames(valve.index, loop.source.frame))
    else:
        over(machine, loop)


def joined(machine: Machine, loop: LoopRun, event: FramesJoined) -> None:
    """What the sinks of a loop collected is one table. What could not be brought together is a late failure."""
    if not loop.joining or loop.over:
        return
    if event.error:
        machine.post("late_failure", loop.source, ("error:join",))
    over(machine, loop)
    loop.source.home.globals.update({name.lower(): value for name, value in event.globals.items()})


def over(machine: Machine, loop: LoopRun) -> None:
    """The loop has ended: its source goes on, and sees the globals of the last frame that set them."""
    if loop.over:
        return
    loop.over = True
    loop.source.home.globals.update({name: value for name, (_, value) in loop.last.items()})
    machine.post("link_settled", loop.link, (not loop.spoiled,))
    machine.release(loop.source)


def no_frames(machine: Machine, link: LinkRun, reason: str) -> None:
    """Whatever stands in the loop of ``link`` has no frame: one record each (rule 21)."""
    part = machine.parts[link.valve.index]
    frame = link.source.home.without
    sticky = reason if reason in STICKY else "valve_closed"
    reason = reason if reason == "no_items" else sticky
    for sub in part.within:
        tasks = {name: task for task in sub.tasks for name in machine.plan.tasks[task].modules}
        for name in sub.modules:
            machine.say(ModuleChanged(name, tasks.get(name, ""), frame, "cancelled", reason))
        machine.say(SubFlowChanged(sub.index, frame, "cancelled", reason))
    for valve in part.links_within:
        machine.say(ValveChanged(valve.index, frame, False, sticky))
