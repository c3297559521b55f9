"""GET /api/jobs/ and POST /api/notes/: nothing is wrong with them."""

from rest_framework import serializers
from rest_framework.generics import CreateAPIView, ListAPIView

from ..models import Job, Note

JOBS = 30


class JobSerializer(serializers.ModelSerializer):
    """A job with its company and skills."""

    company = serializers.CharField(source="company.name")
    skills = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)

    class Meta:
        model = Job
        fields = ["id", "title", "location", "company", "skills"]


class JobList(ListAPIView):
    """Three queries: jobs, companies, skills."""

    serializer_class = JobSerializer

    def get_queryset(self):
        """The latest open jobs."""
        jobs = Job.objects.filter(is_open=True).prefetch_related("company", "skills")
        return jobs.order_by("-id")[:JOBS]


class NoteSerializer(serializers.ModelSerializer):
    """A note."""

    class Meta:
        model = Note
        fields = ["id", "application", "text"]


class NoteCreate(CreateAPIView):
    """Checks that the application exists and inserts one row."""

    serializer_class = NoteSerializer
