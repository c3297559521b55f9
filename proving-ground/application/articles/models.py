"""Tables of the magazine."""

from django.db import models


class Article(models.Model):
    """A long text with all that an editor, a search engine and a newsletter want to know of it."""

    title = models.CharField(max_length=200)
    slug = models.SlugField(max_length=120, unique=True)
    excerpt = models.TextField()
    word_count = models.IntegerField()
    body_html = models.TextField()
    author_name = models.CharField(max_length=120)
    language = models.CharField(max_length=5)
    section = models.CharField(max_length=60)
    seo_title = models.CharField(max_length=200)
    seo_description = models.TextField()
    hero_image_url = models.CharField(max_length=300)
    hero_image_alt = models.CharField(max_length=300)
    canonical_url = models.CharField(max_length=300)
    newsletter_teaser = models.TextField()
    editor_notes = models.TextField()
    legal_notes = models.TextField()
    revision = models.IntegerField()
    published_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "articles"
        indexes = [models.Index(fields=["-published_at"], name="articles_published_at")]
