"""Gives the database the indexes that the chosen version of each endpoint has."""

from backend.mode import is_fixed
from django.core.management.base import BaseCommand
from django.db import connection

CREATE = "CREATE INDEX IF NOT EXISTS ats_applicants_external_id ON ats_applicants (external_id)"
DROP = "DROP INDEX IF EXISTS ats_applicants_external_id"


class Command(BaseCommand):
    """The webhook's look-up is the only one whose fix is an index."""

    help = __doc__

    def handle(self, *_args, **_options):
        """Creates or drops it."""
        with connection.cursor() as cursor:
            cursor.execute(CREATE if is_fixed("webhooks") else DROP)
            cursor.execute("ANALYZE ats_applicants")
