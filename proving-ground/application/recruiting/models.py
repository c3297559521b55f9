"""Tables of the recruiting side."""

from django.db import models


class Company(models.Model):
    """Who hires."""

    name = models.CharField(max_length=120)

    class Meta:
        db_table = "companies"


class Job(models.Model):
    """An opening."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="jobs")
    title = models.CharField(max_length=160)
    location = models.CharField(max_length=80)
    is_open = models.BooleanField(default=True)
    skills = models.ManyToManyField("Skill", related_name="jobs")

    class Meta:
        db_table = "jobs"


class Skill(models.Model):
    """What a job asks for."""

    name = models.CharField(max_length=60, unique=True)

    class Meta:
        db_table = "skills"


class Candidate(models.Model):
    """Who applies."""

    name = models.CharField(max_length=120)
    email = models.EmailField()

    class Meta:
        db_table = "candidates"


class Status(models.Model):
    """How far an application is."""

    label = models.CharField(max_length=40)

    class Meta:
        db_table = "application_statuses"


class Application(models.Model):
    """A candidate applies for a job."""

    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="applications")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="applications")
    status = models.ForeignKey(Status, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "applications"

    @property
    def last_interview(self):
        """The latest interview, if there was one."""
        return self.interviews.order_by("-scheduled_at").first()


class Note(models.Model):
    """What a recruiter writes about an application."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "application_notes"


class Interview(models.Model):
    """A meeting."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="interviews")
    scheduled_at = models.DateTimeField()

    class Meta:
        db_table = "interviews"


class Applicant(models.Model):
    """An applicant as an outside tracking system knows them.

    `external_id` has an index in the fixed version only: `manage.py fit` creates or drops it.
    """

    external_id = models.CharField(max_length=40)
    source = models.CharField(max_length=20)
    stage = models.CharField(max_length=20)
    email = models.EmailField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "ats_applicants"


class OutboxEntry(models.Model):
    """Work that was taken out of a request; `manage.py outbox` does it."""

    topic = models.CharField(max_length=60)
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "outbox"
        indexes = [
            models.Index(
                fields=["id"], name="outbox_open", condition=models.Q(done_at__isnull=True)
            )
        ]
