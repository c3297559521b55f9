"""GET /api/articles/: the latest articles with a teaser of each."""

from django.utils.html import strip_tags
from rest_framework import serializers
from rest_framework.generics import ListAPIView

from ..models import Article

LATEST_ARTICLES = 40
TEASER_CHARS = 280


class ArticleSerializer(serializers.ModelSerializer):
    """All there is of an article, and what is made of its text on the way out."""

    teaser = serializers.SerializerMethodField()
    reading_minutes = serializers.SerializerMethodField()

    class Meta:
        model = Article
        fields = "__all__"

    def get_teaser(self, article) -> str:
        """The first sentences of the text, without its markup."""
        return strip_tags(article.body_html)[:TEASER_CHARS]

    def get_reading_minutes(self, article) -> int:
        """At 200 words a minute."""
        return 1 + len(strip_tags(article.body_html).split()) // 200


class ArticleList(ListAPIView):
    """Reads, converts and sends whole rows, texts of 50 KB included."""

    serializer_class = ArticleSerializer

    def get_queryset(self):
        """The latest articles."""
        return Article.objects.order_by("-published_at")[:LATEST_ARTICLES]


class ArticleTeaserSerializer(serializers.ModelSerializer):
    """What the list shows."""

    teaser = serializers.CharField(source="excerpt")
    reading_minutes = serializers.SerializerMethodField()

    class Meta:
        model = Article
        fields = ["id", "slug", "title", "author_name", "published_at", "teaser", "reading_minutes"]

    def get_reading_minutes(self, article) -> int:
        """At 200 words a minute."""
        return 1 + article.word_count // 200


class ArticleTeaserList(ArticleList):
    """Reads and sends what the list shows."""

    serializer_class = ArticleTeaserSerializer

    def get_queryset(self):
        """The latest articles, without their texts."""
        shown = ("id", "slug", "title", "author_name", "published_at", "excerpt", "word_count")
        return super().get_queryset().only(*shown)
