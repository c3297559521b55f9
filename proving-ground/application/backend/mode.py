"""Which version of an endpoint is served: the one with its fault, or the one without.

``PROVING_GROUND`` names the version of all endpoints, ``faulty`` or ``fixed``. ``PROVING_GROUND_FIXED`` and
``PROVING_GROUND_FAULTY`` list endpoints (comma-separated, names as in ``ENDPOINTS``) that differ from it.
"""

import os

ENDPOINTS = (
    "applications-submit",
    "archive",
    "articles",
    "checkout-quote",
    "customers-overview",
    "dashboard",
    "facets",
    "invoice",
    "orders",
    "orders-search",
    "posts",
    "report",
    "stock",
    "tracking",
    "trending",
    "webhooks",
)


def is_fixed(endpoint: str) -> bool:
    """Whether `endpoint` is served without its fault."""
    if endpoint in _listed("PROVING_GROUND_FIXED"):
        return True
    if endpoint in _listed("PROVING_GROUND_FAULTY"):
        return False
    mode = os.environ.get("PROVING_GROUND", "faulty")
    if mode not in ("faulty", "fixed"):
        raise ValueError(f"PROVING_GROUND is faulty or fixed, not `{mode}`")
    return mode == "fixed"


def choose(endpoint: str, *, faulty, fixed):
    """The version of `endpoint` that the environment asks for."""
    return fixed if is_fixed(endpoint) else faulty


def _listed(variable: str) -> set[str]:
    names = {name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()}
    unknown = names - set(ENDPOINTS)
    if unknown:
        raise ValueError(
            f"{variable} names unknown endpoints: {', '.join(sorted(unknown))};"
            f" known are: {', '.join(ENDPOINTS)}"
        )
    return names
