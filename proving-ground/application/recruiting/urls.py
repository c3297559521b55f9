"""Routes of the recruiting side."""

from backend.mode import choose
from django.urls import path

from .views import dashboard, jobs, submit, webhooks

urlpatterns = [
    path(
        "dashboard/",
        choose("dashboard", faulty=dashboard.Dashboard, fixed=dashboard.DashboardEager).as_view(),
    ),
    path(
        "api/applications/submit/",
        choose("applications-submit", faulty=submit.Submit, fixed=submit.SubmitDeferred).as_view(),
    ),
    path(
        "api/webhooks/ats/",
        choose("webhooks", faulty=webhooks.AtsWebhook, fixed=webhooks.AtsWebhookCached).as_view(),
    ),
    path("api/jobs/", jobs.JobList.as_view()),
    path("api/notes/", jobs.NoteCreate.as_view()),
]
