"""How a plan runs: registry, scheduler, engines, tables, store, history. asyncio, no Qt."""
