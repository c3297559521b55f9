"""Calls to the services of others: one session per thread, always with a timeout."""

import threading

import requests
from django.conf import settings

TIMEOUT_SECONDS = 5
_local = threading.local()


def get(path: str, **params) -> dict:
    """The JSON answer of the outside service to GET."""
    answer = _session().get(settings.OUTSIDE_URL + path, params=params, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    return answer.json()


def post(path: str, payload: dict) -> dict:
    """The JSON answer of the outside service to POST."""
    answer = _session().post(settings.OUTSIDE_URL + path, json=payload, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    return answer.json()


def _session() -> requests.Session:
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    return _local.session
