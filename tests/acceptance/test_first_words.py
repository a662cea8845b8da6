"""A first evening: a router that knows no channel yet, and something wrong in forty of them at once."""

from pathlib import Path

from tests.acceptance.stage import Condition, Stage

CHANNELS = 40
CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: preview
sources: {prometheus: {adapter: prometheus, auth: none}}
routing:
  channel: none
  group_by: [alertname]
  group_wait: 1s
  routes:
"""
ROUTE = "    - {name: t-NUMBER, match: ['team = tNUMBER'], channel: \"#team-NUMBER\"}\n"


async def test_forty_channels_hear_their_first_word_within_ten_seconds(tmp_path: Path) -> None:
    text = CONFIGURATION + "".join(ROUTE.replace("NUMBER", str(number)) for number in range(CHANNELS))
    async with Stage(tmp_path, text) as stage:
        for number in range(CHANNELS):
            stage.world.add_channel(f"#team-{number}")
        await stage.fire(*(Condition(f"Down{n}", "web-1", "high", (("team", f"t{n}"),)) for n in range(CHANNELS)))
        await stage.run_for(seconds=11)
        silent = [n for n in range(CHANNELS) if not stage.world.channel(f"#team-{n}").messages]
        assert silent == []
        assert stage.world.refused_for_pace == 0
