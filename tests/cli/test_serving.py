"""What serving does to this process, beyond what can be seen from outside."""

import asyncio
import gc
import os
import signal
from pathlib import Path

from router.commands.serving import serve_until_signalled


async def test_what_stands_at_the_start_is_not_searched_for_garbage_again(config: Path) -> None:
    said: list[str] = []
    assert gc.get_freeze_count() == 0
    serving = asyncio.create_task(serve_until_signalled([config], say=said.append))
    try:
        async with asyncio.timeout(20):
            while not said:  # noqa: ASYNC110  # its greeting rings no event
                await asyncio.sleep(0.01)
        assert gc.get_freeze_count() > 10_000
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
    finally:
        gc.unfreeze()
