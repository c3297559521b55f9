"""POST /api/webhooks/ats/: an applicant tracking system tells that somebody moved to another stage."""

from django.core.cache import cache
from rest_framework.response import Response
from rest_framework.views import APIView

from ..models import Applicant

CACHE_SECONDS = 300


class AtsWebhook(APIView):
    """Looks the applicant up by a column without an index, though little ever changes."""

    def find(self, external_id: str) -> dict | None:
        """The applicant as we know them."""
        found = Applicant.objects.filter(external_id=external_id)
        return found.values("id", "source", "stage").first()

    def changed(self, external_id: str) -> None:
        """Is told when an applicant was changed."""

    def post(self, request):
        """Moves the applicant if their stage differs from what we know."""
        external_id = str(request.data.get("external_id", ""))
        stage = str(request.data.get("stage", ""))[:20]
        applicant = self.find(external_id)
        if applicant is None:
            return Response({"state": "unknown"}, status=404)
        if stage and stage != applicant["stage"]:
            Applicant.objects.filter(pk=applicant["id"]).update(stage=stage)
            self.changed(external_id)
        return Response({"id": applicant["id"], "state": "seen"})


class AtsWebhookCached(AtsWebhook):
    """Looks it up in the cache first; on a miss, by an index."""

    def find(self, external_id: str) -> dict | None:
        """The applicant as we know them."""
        key = f"applicant:{external_id}"
        applicant = cache.get(key)
        if applicant is None:
            applicant = super().find(external_id)
            if applicant is not None:
                cache.set(key, applicant, CACHE_SECONDS)
        return applicant

    def changed(self, external_id: str) -> None:
        """Forgets the applicant."""
        cache.delete(f"applicant:{external_id}")
