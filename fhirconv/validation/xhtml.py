"""The XHTML of a narrative: one div, well-formed, with formatting only and nothing that a browser would run.

Spec: https://hl7.org/fhir/R4/narrative.html (txt-1, txt-2). HL7's validator is followed, and this is stricter where
that lets through what no XML parser reads (text after the div, an attribute without quotes) or what a browser runs.
Time is linear in the length, nothing recurses, and no entity can be declared: a hostile text costs what a long one does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container
from html import unescape

from fhirconv.issues import shown
from fhirconv.validation.plain_narrative import PLAIN_NARRATIVE
from fhirconv.validation.xhtml_elements import (
    BLOCKS,
    ELEMENTS,
    GLOBAL_ATTRIBUTES,
    OWN_ATTRIBUTES,
    PARAGRAPH_BLOCKS,
    Element,
)
from fhirconv.validation.xhtml_values import URL_ATTRIBUTES, Problem, style_problems, url_problems

NAMESPACE = "http://www.w3.org/1999/xhtml"

_MOST_PROBLEMS = 20

_NAME = r"[A-Za-z_][A-Za-z0-9_.\-]*+(?::[A-Za-z_][A-Za-z0-9_.\-]*+)?+"
_S = r"[ \t\r\n]"
_ATTRIBUTE = re.compile(rf"{_S}++({_NAME}){_S}*+={_S}*+(?:\"([^\"<]*+)\"|'([^'<]*+)')")
_ATTRIBUTES = rf"(?:{_S}++{_NAME}{_S}*+={_S}*+(?:\"[^\"<]*+\"|'[^'<]*+'))*+"
# Groups: the name of an end tag; name, attributes and '/' of a start tag; '!' where a comment or the like was.
_TAG = re.compile(rf"<(?:/({_NAME})|({_NAME})({_ATTRIBUTES}){_S}*+(/?+)|(!))>")
_GROUPS = 6  # with the text before it
_BLANK = "".join(map(chr, range(0x21)))

_ENDS = {"<!--": "--", "<![CDATA[": "]]>", "<?": "?>"}  # no '--' stands in a comment, but at its end

_plain = re.compile(PLAIN_NARRATIVE).fullmatch
_not_xml = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]").search
_not_a_reference = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)").search
_number = re.compile(r"&#(?:x([0-9A-Fa-f]+)|([0-9]+));")
_special = re.compile(r"<[!?]").search


def narrative_problems(div: str, ids: Container[str] | None = None) -> list[Problem]:
    """What is wrong with the text of Narrative.div, as (rule, message); empty when nothing is.

    `ids` are the ids that the narrative may link to as '#id', those in the div left out; None: any.
    """
    if _plain(div):
        return []
    checker = _Checker(ids)
    checker.check(div)
    return list(checker.problems)


class _MalformedError(Exception):
    """The text cannot be read further; holds rule and message."""


def _malformed(message: str, rule: str = "narrative-form") -> _MalformedError:
    return _MalformedError(rule, f"{message}; a narrative is one <div> of well-formed XHTML")


class _Checker:
    """The checks of one narrative."""

    def __init__(self, ids: Container[str] | None) -> None:
        self.problems: dict[Problem, None] = {}  # each once, in order
        self.ids = ids
        self.stack: list[str] = []
        self.open = dict.fromkeys(ELEMENTS, 0)  # how often each name is in the stack
        self.texts: list[str] = []  # those of the stack that take no blocks
        self.has_root = False
        self.has_content = False
        self.anchors: Counter[str] = Counter()
        self.links: list[str] = []

    def note(self, rule: str, message: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems[rule, message] = None

    def check(self, div: str) -> None:
        try:
            text = _without_specials(div)
            self._check_characters(text)
            self._read(text)
        except _MalformedError as problem:
            self.note(*problem.args)
            return
        if not self.has_content:
            self.note("txt-2", "the narrative holds nothing to read; write text or an image, or leave 'text' out")
        for name, count in self.anchors.items():
            if count > 1:
                self.note("narrative-id", f"the id {shown(name)} stands {count} times; give each place its own")
        for name in self.links if self.ids is not None else ():
            if name not in self.anchors and name not in (self.ids or ()):
                self.note("narrative-link", f"a link names {shown(name)}, an id that is not there; mend it")

    def _check_characters(self, text: str) -> None:
        """XML 1.0: characters and references; HTML's names of characters are not known to XML."""
        found = _not_xml(text)
        codes = [ord(found.group())] if found else []
        if "&" in text:
            wrong = _not_a_reference(text)
            if wrong:
                name = text[wrong.start() : wrong.start() + 12].partition(";")[0]
                raise _malformed(f"{shown(name)} is no reference of XML, as &amp; &lt; &gt; &quot; &apos; &#160; are")
            codes += [int(hexa, 16) if hexa else int(decimal) for hexa, decimal in _number.findall(text)]
        for code in codes:
            if code > 0x10FFFF:
                raise _malformed(f"&#{code}; is beyond Unicode")
            if _not_xml(chr(code)):
                self.note("narrative-character", f"the character {code:#x} may not stand in XML; leave it out")

    def _read(self, text: str) -> None:
        """Goes over the tags with the text before each; what is no tag stays in the text with its '<'."""
        pieces = _TAG.split(text)
        for at in range(0, len(pieces) - 1, _GROUPS):
            words, end, start, attributes, empty, _ = pieces[at : at + _GROUPS]
            if words:
                self._text(words)
            if end:
                if not self.stack or self.stack[-1] != end:
                    expected = f"that of {_tag(self.stack[-1])}" if self.stack else "nothing more"
                    raise _malformed(f"found the end of {_tag(end)}, expected {expected}")
                self._leave()
            elif start:
                self._enter(start, attributes)
                if empty:
                    self._leave()
        self._text(pieces[-1])
        if self.stack:
            raise _malformed(f"{_tag(self.stack[-1])} has no end")
        if not self.has_root:
            raise _malformed("there is no element")

    def _text(self, words: str) -> None:
        if "<" in words:
            cut = words[words.index("<") :]
            raise _malformed(f"{shown(cut, 20)} is no tag as XML writes one (write '<' as &lt;)")
        element = ELEMENTS.get(self.stack[-1]) if self.stack else None
        if element and self.has_content and not (element.is_empty or element.children):
            return
        stated = (unescape(words) if "&" in words else words).strip(_BLANK)
        if stated and not self.stack:
            raise _malformed("there is text outside the <div>")
        if element and (element.is_empty or (stated and element.children)):
            self.note("narrative-nesting", f"{_tag(self.stack[-1])} holds text; {_expected(element)}")
        self.has_content = self.has_content or bool(stated)

    def _enter(self, name: str, attributes: str) -> None:
        values = _values(name, attributes) if attributes else {}
        element = ELEMENTS.get(name)
        if element is None:
            self.note("txt-1", f"{_tag(name)} may not stand in a narrative; use elements of formatting only")
        elif self.stack:
            self._check_nesting(name, element)
        if not self.stack:
            self._check_root(name, values.get("xmlns", ""))
        for attribute, value in values.items():
            self._check_attribute(name, attribute, value)
        self.has_content = self.has_content or name == "img"
        if element:
            self.open[name] += 1
            if element.is_text:
                self.texts.append(name)
        self.stack.append(name)

    def _leave(self) -> None:
        name = self.stack.pop()
        element = ELEMENTS.get(name)
        if element:
            self.open[name] -= 1
            if element.is_text:
                self.texts.pop()

    def _check_root(self, name: str, namespace: str) -> None:
        if self.has_root:
            raise _malformed(f"there is a second element, {_tag(name)}")
        self.has_root = True
        if name != "div":
            self.note("narrative-form", f"the outermost element is {_tag(name)}; expected <div>")
        if not namespace:
            self.note("narrative-form", f'the <div> has no namespace; write <div xmlns="{NAMESPACE}">')

    def _check_nesting(self, name: str, element: Element) -> None:
        outer = self.stack[-1]
        parent = ELEMENTS.get(outer)
        if element.parents and outer not in element.parents:
            self.note("narrative-nesting", f"<{name}> stands in {_tag(outer)}; it belongs in {_tags(element.parents)}")
        if parent and (parent.is_empty or (parent.children and name not in parent.children)):
            self.note("narrative-nesting", f"<{name}> stands in {_tag(outer)}; {_expected(parent)}")
        if (self.texts and name in BLOCKS) or (self.open["p"] and name in PARAGRAPH_BLOCKS):
            inside = "p" if self.open["p"] else self.texts[-1]
            self.note("narrative-nesting", f"the block <{name}> stands in <{inside}>, which holds text; end that first")
        if element.is_once and self.open[name]:
            self.note("narrative-nesting", f"<{name}> stands in another <{name}>; end that first")

    def _check_attribute(self, name: str, attribute: str, value: str) -> None:
        if attribute == "xmlns":
            if value != NAMESPACE:
                self.note("narrative-form", f"the namespace is {shown(value)}; expected {NAMESPACE}")
        elif attribute in URL_ATTRIBUTES and attribute in OWN_ATTRIBUTES.get(name, ()):
            for problem in url_problems(name, attribute, value):
                self.note(*problem)
            if value[:1] == "#" and len(value) > 1 and attribute in ("href", "src") and name != "area":
                self.links.append(value[1:])
        elif attribute == "style":
            for problem in style_problems(value):
                self.note(*problem)
        elif attribute == "id" or (attribute == "name" and name == "a"):
            self.anchors[value] += 1
        elif not (
            attribute in GLOBAL_ATTRIBUTES
            or attribute in OWN_ATTRIBUTES.get(name, ())
            or attribute.startswith("xmlns:")
        ):
            self.note("txt-1", f"{shown(attribute)} may not stand on {_tag(name)}; leave it out")


def _values(name: str, attributes: str) -> dict[str, str]:
    """The attributes of a start tag, with their references decoded."""
    found = _ATTRIBUTE.findall(attributes)
    values = {attribute: unescape(double or single) for attribute, double, single in found}
    if len(values) < len(found):
        raise _malformed(f"{_tag(name)} has an attribute twice")
    return values


def _tag(name: str) -> str:
    return f"<{shown(name)[1:-1]}>"


def _tags(names: frozenset[str]) -> str:
    return " or ".join(f"<{name}>" for name in sorted(names))


def _expected(parent: Element) -> str:
    return f"expected {_tags(parent.children)}" if parent.children else "it holds nothing"


def _without_specials(div: str) -> str:
    """The text with '<!>' for each comment, CDATA section and processing instruction."""
    if not _special(div):
        return div
    kept = []
    at = 0
    while found := _special(div, at):
        kept.append(div[at : found.start()])
        at = _end_of_special(div, found.start())
    return "<!>".join((*kept, div[at:]))


def _end_of_special(div: str, start: int) -> int:
    """Where the comment, CDATA section or processing instruction at `start` ends."""
    begin = next((begin for begin in _ENDS if div.startswith(begin, start)), "")
    if not begin:
        raise _malformed("a DOCTYPE or another declaration may not stand in a narrative", "narrative-unsafe")
    if div.startswith("<?xml-stylesheet", start):
        raise _malformed("a style sheet may not be loaded", "narrative-unsafe")
    stop = div.find(_ENDS[begin], start + len(begin))
    if stop < 0 or (begin == "<!--" and not div.startswith("-->", stop)):
        raise _malformed(f"{begin} has no right end")
    return stop + (3 if begin != "<?" else 2)
