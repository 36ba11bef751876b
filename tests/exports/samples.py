"""Small export files of each program, in its documented form, with one comment of each state that it has."""

import gzip
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

SITE = "https://blog.example"
AWKWARD = "It's a \"nice\" loaf; C:\\bread \U0001f35e & ]]> done.\nSecond line, O'Brien."
AWKWARD_URL = "https://moss.example/?a=1&b=2"

WXR_HEAD = """<?xml version="1.0" encoding="UTF-8" ?>
<!-- generator="WordPress/6.1" -->
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>The bakery</title><language>en-US</language><wp:wxr_version>1.2</wp:wxr_version>
"""
WXR_FOOT = "</channel></rss>\n"


def wxr_comment(number: int, text: str, **changes: str | int) -> str:
    """Return one comment as WordPress writes it, its author's address without escapes."""
    values = {"author": "Ida Moss", "email": "ida@moss.example", "url": AWKWARD_URL, "approved": "1"} | changes
    cdata = text.replace("]]>", "]]]]><![CDATA[>")
    return (
        f"<wp:comment><wp:comment_id>{number}</wp:comment_id>"
        f"<wp:comment_author><![CDATA[{values['author']}]]></wp:comment_author>"
        f"<wp:comment_author_email><![CDATA[{values['email']}]]></wp:comment_author_email>"
        f"<wp:comment_author_url>{values['url']}</wp:comment_author_url>"
        f"<wp:comment_date_gmt><![CDATA[{values.get('date', '2024-03-01 10:00:00')}]]></wp:comment_date_gmt>"
        f"<wp:comment_content><![CDATA[{cdata}]]></wp:comment_content>"
        f"<wp:comment_approved><![CDATA[{values['approved']}]]></wp:comment_approved>"
        f"<wp:comment_type><![CDATA[{values.get('type', 'comment')}]]></wp:comment_type>"
        f"<wp:comment_parent>{values.get('parent', 0)}</wp:comment_parent>"
        "<wp:commentmeta><wp:meta_key><![CDATA[akismet_result]]></wp:meta_key></wp:commentmeta></wp:comment>\n"
    )


def wxr_item(comments: Sequence[str], title: str = "Rye &amp; salt", page: str = "rye") -> str:
    """Return one post with its comments."""
    return (
        f"<item><title><![CDATA[{title}]]></title><link>{SITE}/{page}/</link>"
        f"<content:encoded><![CDATA[<p>A post.</p>]]></content:encoded>{''.join(comments)}</item>\n"
    )


def wxr(*items: str) -> bytes:
    """Return a whole export of WordPress."""
    return (WXR_HEAD + "".join(items) + WXR_FOOT).encode()


def wordpress() -> bytes:
    """Return an export with 2 comments published, a pingback, and 1 comment each that waits or is in the trash."""
    ping = {"type": "pingback", "author": "The mill", "email": "", "url": "http://mill.example/news"}
    return wxr(
        wxr_item(
            [
                wxr_comment(2, AWKWARD),
                wxr_comment(3, "How long did it rest?", parent=2, author="Paul", email="", url=""),
                wxr_comment(4, "Waits for approval.", approved="0"),
                wxr_comment(6, "Thrown away.", approved="trash"),
                wxr_comment(7, "[...] a mill in the valley [...]", **ping),
                wxr_comment(8, "Order 12 was paid.", type="order_note"),
            ]
        )
    )


WORDPRESS_DUMP = r"""-- MariaDB dump 10.19  Distrib 10.11
/*!40101 SET NAMES utf8mb4 */;
CREATE TABLE `wp_commentmeta` (
  `meta_id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  PRIMARY KEY (`meta_id`)
);
INSERT INTO `wp_commentmeta` VALUES (1);
CREATE TABLE `wp_comments` (
  `comment_ID` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `comment_post_ID` bigint(20) unsigned NOT NULL DEFAULT 0,
  `comment_author` tinytext NOT NULL,
  `comment_author_email` varchar(100) NOT NULL DEFAULT '',
  `comment_author_url` varchar(200) NOT NULL DEFAULT '',
  `comment_date_gmt` datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  `comment_content` text NOT NULL,
  `comment_approved` varchar(20) NOT NULL DEFAULT '1',
  `comment_type` varchar(20) NOT NULL DEFAULT 'comment',
  `comment_parent` bigint(20) unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY (`comment_ID`)
);
INSERT INTO `wp_comments` VALUES
(2,4,'Ida Moss','ida@moss.example','https://moss.example/?a=1&b=2','2024-03-01 10:00:00','It\'s a \"nice\" loaf; C:\\bread 🍞 & ]]> done.\nSecond line, O\'Brien.','1','comment',0),
(3,4,'Paul','',NULL,'0000-00-00 00:00:00','How long did it rest? (1,2), \');','1','comment',2);
INSERT INTO `wp_comments` VALUES (4,4,'','','','2024-03-01 10:00:00','Waits.','0','',0),(5,4,'Pills','','http://pills.example','2024-03-01 10:00:00','Cheap pills, it''s so','spam','comment',0),(6,4,'','','','2024-03-01 10:00:00','Thrown away.','post-trashed','comment',0),(7,4,'The mill','','http://mill.example','2024-03-01 10:00:00',0x5b2e2e5d,'1','pingback',0);
""".encode()  # noqa: E501  # a row is one line

DISQUS = b"""<?xml version="1.0" encoding="utf-8"?>
<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://disqus.com/api/schemas/1.0/disqus.xsd http://disqus.com/api/schemas/1.0/disqus-internals.xsd">
<category dsq:id="1"><forum>bakery</forum><title>General</title><isDefault>true</isDefault></category>
<thread dsq:id="21"><id>4</id><forum>bakery</forum><category dsq:id="1" /><link>https://blog.example/rye/</link>
<title>Rye &amp; salt</title><message /><createdAt>2024-02-28T10:00:00Z</createdAt>
<author><name>Owner</name><isAnonymous>false</isAnonymous><username>owner</username></author>
<isClosed>false</isClosed><isDeleted>false</isDeleted></thread>
<thread dsq:id="22"><id>5</id><link>https://blog.example/gone/</link><title>Gone</title><isDeleted>true</isDeleted></thread>
<post dsq:id="31"><id /><message><![CDATA[<p>See <a href="https://mill.example/a?b=1&amp;c=2" rel="nofollow noopener"
 title="https://mill.example/a?b=1&amp;c=2">https://mill.example/a?b=1...</a> and <a href="https://m.example">this</a></p>]]>
</message><createdAt>2024-03-01T10:00:00Z</createdAt><isDeleted>false</isDeleted><isSpam>false</isSpam>
<author><name>Ida Moss</name><isAnonymous>true</isAnonymous></author><thread dsq:id="21" /></post>
<post dsq:id="32"><message><![CDATA[<p>How long?</p>]]></message><createdAt>2024-03-01T11:00:00Z</createdAt>
<isDeleted>false</isDeleted><isSpam>false</isSpam><author><name>Paul</name></author><thread dsq:id="21" />
<parent dsq:id="31" /></post>
<post dsq:id="33"><message><![CDATA[<p>Cheap pills</p>]]></message><createdAt>2024-03-01T11:00:00Z</createdAt>
<isDeleted>true</isDeleted><isSpam>true</isSpam><author><name>Pills</name></author><thread dsq:id="21" /></post>
<post dsq:id="34"><message><![CDATA[<p>Deleted</p>]]></message><createdAt>2024-03-01T11:00:00Z</createdAt>
<isDeleted>true</isDeleted><isSpam>false</isSpam><author><name>X</name></author><thread dsq:id="21" /></post>
<post dsq:id="35"><message><![CDATA[<p>On a lost page</p>]]></message><createdAt>2024-03-01T11:00:00Z</createdAt>
<isDeleted>false</isDeleted><isSpam>false</isSpam><author><name>X</name></author><thread dsq:id="22" /></post>
</disqus>
"""


def remark42() -> bytes:
    """Return a backup with 2 comments published and 1 deleted."""
    page = {"site": "bakery", "url": f"{SITE}/rye/"}
    ida, paul = ({"name": name, "id": name, "picture": "", "admin": False} for name in ("Ida Moss", "Paul"))
    rows: list[dict[str, Any]] = [
        {"version": 1, "users": [], "posts": [{"url": page["url"], "read_only": True}]},
        {
            "id": "c1",
            "pid": "",
            "text": '<p>See <a href="https://mill.example" rel="nofollow">https://mill.example</a></p>\n',
            "user": ida,
            "locator": page,
            "score": 0,
            "time": "2024-03-01T10:00:00.5+01:00",
            "title": "Rye & salt",
        },
        {
            "id": "c2",
            "pid": "c1",
            "text": "<p>How <em>long</em>?</p>\n",
            "orig": "How *long*?",
            "user": paul,
            "locator": page,
            "time": "2024-03-01T11:00:00Z",
        },
        {"id": "c3", "pid": "c1", "text": "", "user": paul, "locator": page, "time": "?", "delete": True},
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def commento() -> bytes:
    """Return an export with 2 comments published, 1 that waits and 1 deleted."""

    def comment(number: str, author: str, text: str, **changes: object) -> dict[str, object]:
        return {
            "commentHex": number,
            "domain": "blog.example",
            "url": "/rye/",
            "commenterHex": author,
            "markdown": text,
            "html": f"<p>{text}</p>",
            "parentHex": "root",
            "score": 0,
            "state": "approved",
            "creationDate": "2024-03-01T10:00:00.722181Z",
            "direction": 0,
            "deleted": False,
        } | changes

    ida = {"commenterHex": "a1", "email": "ida@moss.example", "name": "Ida Moss", "link": "https://moss.example"}
    paul = {"commenterHex": "a2", "email": "", "name": "Paul", "link": "undefined"}
    document = {
        "version": 1,
        "comments": [
            comment("c1", "a1", "My starter sleeps in the fridge."),
            comment("c2", "a2", "How *long*?", parentHex="c1"),
            comment("c3", "anonymous", "Waits.", state="unapproved"),
            comment("c4", "anonymous", "[deleted]", deleted=True),
        ],
        "commenters": [ida, paul],
    }
    return gzip.compress(json.dumps(document).encode())


def isso(path: Path) -> Path:
    """Write a database with 2 comments published, 1 that waits and 1 deleted, in the columns of Isso 0.14."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """
            CREATE TABLE threads (id INTEGER PRIMARY KEY, uri VARCHAR(256) UNIQUE, title VARCHAR(256));
            CREATE TABLE comments (tid REFERENCES threads(id), id INTEGER PRIMARY KEY, parent INTEGER,
                created FLOAT NOT NULL, modified FLOAT, mode INTEGER, remote_addr VARCHAR, text VARCHAR NOT NULL,
                author VARCHAR, email VARCHAR, website VARCHAR, likes INTEGER, dislikes INTEGER, voters BLOB NOT NULL,
                notification INTEGER);
            INSERT INTO threads VALUES (1, '/rye/', 'Rye & salt');
            """
        )
        add = "INSERT INTO comments VALUES (1, ?, ?, ?, NULL, ?, '192.0.2.0', ?, ?, ?, ?, 0, 0, x'00', 0)"
        rows = (
            (1, None, 1709287200.0, 1, "My starter sleeps in the fridge.", "Ida Moss", "ida@moss.example", None),
            (2, 1, 1709290800.0, 1, "How *long*?", "Paul", None, "https://paul.example"),
            (3, None, 1709290800.0, 2, "Waits.", None, None, None),
            (4, None, 1709290800.0, 4, "", None, None, None),
        )
        connection.executemany(add, rows)
        connection.commit()
    return path


def sample(kind: str, folder: Path) -> Path:
    """Write the sample of a format into a folder and return its path."""
    if kind == "isso":
        return isso(folder / "comments.db")
    table = b"id,text,author,label\n1,How long?,Paul,ham\n2,Cheap pills,Pills,spam\n"
    contents = {
        "wordpress": wordpress(),
        "disqus": gzip.compress(DISQUS),
        "remark42": gzip.compress(remark42()),
        "commento": commento(),
        "csv": table,
    }
    path = folder / f"{kind}.export"
    path.write_bytes(contents[kind])
    return path
