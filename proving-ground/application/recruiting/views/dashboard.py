"""GET /dashboard/: the latest applications as recruiters see them, rendered by a template."""

from django.db.models import Count, IntegerField, OuterRef, Prefetch, Subquery
from django.db.models.functions import Coalesce
from django.views.generic import ListView

from ..models import Application, Interview, Note

ROWS = 31


class Dashboard(ListView):
    """The template reaches through six relations in each row."""

    template_name = "recruiting/dashboard.html"
    context_object_name = "applications"

    def get_queryset(self):
        """The latest applications."""
        return Application.objects.order_by("-id")[:ROWS]


class DashboardEager(ListView):
    """Two queries: applications with what they refer to and their number of notes, and the interviews."""

    template_name = "recruiting/dashboard_eager.html"
    context_object_name = "applications"

    def get_queryset(self):
        """The latest applications with all that the template shows."""
        notes = Note.objects.filter(application=OuterRef("pk")).order_by().values("application")
        counted = notes.annotate(count=Count("pk")).values("count")
        latest = Interview.objects.order_by("application_id", "-scheduled_at")
        latest = latest.distinct("application_id")
        return (
            Application.objects.select_related("candidate", "job__company", "status")
            .annotate(note_count=Coalesce(Subquery(counted, output_field=IntegerField()), 0))
            .prefetch_related(Prefetch("interviews", queryset=latest, to_attr="latest_interviews"))
            .order_by("-id")[:ROWS]
        )
