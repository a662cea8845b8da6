"""One sender's payload to Alerts: one file per source, one line here, one folder of samples in tests/adapters."""

from adapters.adapter import Adapter
from adapters.datadog import DATADOG
from adapters.generic import GENERIC
from adapters.prometheus import PROMETHEUS

ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in (PROMETHEUS, DATADOG, GENERIC)}
"""Read by the router, the rules loader's caller, docs and tests; nothing else needs to know of a new source."""
