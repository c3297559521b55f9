"""What has to happen once somebody applied: mails, a receipt in PDF, and two HR systems that want to know."""

import io

from backend import outside
from django.core.mail import EmailMessage
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas

from .models import Application

ANSWERS = 120


def load(application_id: int) -> Application:
    """The application with all that the steps below read."""
    return Application.objects.select_related("candidate", "job__company").get(pk=application_id)


def render_receipt(application: Application) -> bytes:
    """The receipt that the candidate gets."""
    buffer = io.BytesIO()
    page = canvas.Canvas(buffer, pagesize=A4)
    page.drawString(72, 780, f"Application {application.pk}: {application.job.title}")
    page.drawString(72, 760, f"{application.candidate.name} at {application.job.company.name}")
    for number in range(ANSWERS):
        if number and number % 40 == 0:
            page.showPage()
        page.drawString(72, 730 - 16 * (number % 40), f"Question {number + 1}: answered")
    page.save()
    return buffer.getvalue()


def send_mails(application: Application, receipt: bytes) -> None:
    """Tells the candidate, the recruiter, the hiring manager and the team."""
    subject = f"Application for {application.job.title}"
    confirmation = EmailMessage(subject, "We have received it.", to=[application.candidate.email])
    confirmation.attach("receipt.pdf", receipt, "application/pdf")
    confirmation.send()
    for role in ("recruiter", "manager", "team"):
        EmailMessage(subject, "Somebody applied.", to=[f"{role}@example.com"]).send()


def tell_hr_systems(application: Application) -> None:
    """Enters the application into both HR systems."""
    record = {"application": application.pk, "email": application.candidate.email}
    outside.post("/hr/people/records", record)
    outside.post("/hr/payroll/candidates", record)


def complete(application_id: int) -> None:
    """All of it."""
    application = load(application_id)
    send_mails(application, render_receipt(application))
    tell_hr_systems(application)
