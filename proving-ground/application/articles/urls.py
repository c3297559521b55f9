"""Routes of the magazine and of the report."""

from backend.mode import choose
from django.urls import path

from .views import articles, report

urlpatterns = [
    path(
        "api/articles/",
        choose("articles", faulty=articles.ArticleList, fixed=articles.ArticleTeaserList).as_view(),
    ),
    path(
        "api/reports/monthly/",
        choose("report", faulty=report.Report, fixed=report.ReportCached).as_view(),
    ),
]
