"""The meaning of a flow: graph, valves, variables, expressions, plan, run state. Pure: no I/O, no Qt."""
