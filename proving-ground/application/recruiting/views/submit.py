"""POST /api/applications/submit/: somebody applies for a job."""

from django.db import transaction
from django.utils import timezone
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from .. import submission
from ..models import Application, Candidate, Job, OutboxEntry


class SubmitSerializer(serializers.Serializer):
    """What the form sends."""

    candidate = serializers.IntegerField()
    job = serializers.IntegerField()

    def create(self, given) -> Application:
        """The new application."""
        return Application.objects.create(
            candidate=_get_or_refuse(Candidate, given["candidate"]),
            job=_get_or_refuse(Job, given["job"]),
            status_id=1,
            created_at=timezone.now(),
        )


def _get_or_refuse(model, key):
    """The row of `model` with this id; refuses what is not there."""
    row = model.objects.filter(pk=key).first()
    if row is None:
        raise serializers.ValidationError(f"there is no {model.__name__.lower()} {key}")
    return row


class Submit(APIView):
    """Mails, renders and calls both HR systems before it answers."""

    def post(self, request):
        """Saves the application and does all that follows from it."""
        form = SubmitSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        application = form.save()
        submission.complete(application.pk)
        return Response({"id": application.pk, "state": "submitted"}, status=201)


class SubmitDeferred(APIView):
    """Saves the application and a note of what is to be done, in one transaction, and answers."""

    def post(self, request):
        """Saves the application; `manage.py outbox` does the rest."""
        form = SubmitSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        with transaction.atomic():
            application = form.save()
            OutboxEntry.objects.create(topic="application", payload={"id": application.pk})
        return Response({"id": application.pk, "state": "accepted"}, status=202)
