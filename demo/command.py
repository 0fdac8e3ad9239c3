"""`jit demo`: the product on real parts, to play with in a browser; `--story` tells the story in the terminal."""

import click

PORT = 4711
"""The page's usual port; any free one if it is taken."""


@click.command()
@click.option("--story", is_flag=True, help="Tell the story in the terminal instead.")
@click.option("--port", type=click.IntRange(0, 65535), help=f"The page's port; {PORT} or any free one unless said.")
@click.option("--no-open", is_flag=True, help="Do not open the browser.")
def demo(*, story: bool, port: int | None, no_open: bool) -> None:
    """A page with a Slack of our own, on real parts: play everybody, and try to break it."""
    try:
        from demo.main import show_page, tell_story  # noqa: PLC0415  `jit --help` imports this module, and no more
    except KeyboardInterrupt:
        raise SystemExit(130 if story else 0) from None
    if story:
        tell_story()
    else:
        show_page(port, opens=not no_open)
