"""Does what requests have put into the outbox, until it is told to stop."""

import logging
import signal
import threading

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone
from recruiting import submission
from recruiting.models import OutboxEntry

logger = logging.getLogger(__name__)
IDLE_SECONDS = 0.5


class Command(BaseCommand):
    """Takes one entry at a time; more than one such process may run."""

    help = __doc__

    def handle(self, *_args, **_options):
        """Works until SIGTERM."""
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        while not stop.is_set():
            if not self.work_once():
                stop.wait(IDLE_SECONDS)

    def work_once(self) -> bool:
        """Whether there was an entry to work on."""
        with transaction.atomic():
            entries = OutboxEntry.objects.select_for_update(skip_locked=True)
            entry = entries.filter(done_at__isnull=True).order_by("id").first()
            if entry is None:
                return False
            try:
                submission.complete(entry.payload["id"])
            except Exception:
                logger.exception("outbox entry %s failed and is given up", entry.pk)
            entry.done_at = timezone.now()
            entry.save(update_fields=["done_at"])
        return True
