"""How many C-ECHOs a peer answers: ``python examples/load_generator.py HOST PORT [ASSOCIATIONS [ECHOS]]``."""

from __future__ import annotations

import asyncio
import sys
import time

from dicomwire.asyncio import AE
from dicomwire.sop_class import Verification


async def talk(ae: AE, host: str, port: int, count: int) -> list[float]:
    """The seconds that each answer took; fewer than ``count`` if the peer gave up, none if it took no association."""
    took: list[float] = []
    async with ae.associate(host, port) as assoc:
        while assoc.is_established and len(took) < count:
            began = time.perf_counter()
            if not await assoc.send_c_echo():
                break
            took.append(time.perf_counter() - began)
    return took


async def main(host: str, port: int, associations: int, count: int) -> int:
    ae = AE("LOAD")
    ae.add_requested_context(Verification)
    began = time.perf_counter()
    each = await asyncio.gather(*(talk(ae, host, port, count) for _ in range(associations)))
    seconds = time.perf_counter() - began
    took = sorted(value for values in each for value in values)
    refused = sum(not values for values in each)
    print(f"{len(took)} of {associations * count} answered, {refused} of {associations} associations without any")
    if took:
        median, slow = (1000 * took[int(part * (len(took) - 1))] for part in (0.5, 0.99))
        print(f"{len(took) / seconds:.0f} a second; half within {median:.2f} ms, 99 of 100 within {slow:.2f} ms")
    return int(len(took) < associations * count)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    numbers = [int(text) for text in sys.argv[2:]] + [8, 100][len(sys.argv) - 3 :]
    sys.exit(asyncio.run(main(sys.argv[1], *numbers)))
