"""aiohttp routes only: bytes in, a verb called, bytes out."""
