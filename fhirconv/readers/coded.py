"""The value rule for words with a code that the source gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhirconv.readers.rule import Cells, Env, Header, Remark, Remarks, Rule, Value, reading
from fhirconv.readers.targets import Target
from fhirconv.readers.words import compile_words, null_words


def compile_term(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """Words with a code that the source gives."""
    words = _words(raw, target, env, at) if "term" in raw else None
    if "code" not in raw:
        env.error(at, "needs 'code', the column of the code; words alone are a 'column'", "mapping-syntax")
        return None
    if not target.accepts({"codes": [{"system": "x", "code": "x"}]}):
        env.error(at, f"'{'.'.join(target.path)}' takes no codes; use 'column'", "mapping-type")
        return None
    codes = env.columns(f"{at}.code", raw["code"])
    systems = env.columns(f"{at}.system", raw["system"]) if "system" in raw else ()
    system_is = raw.get("system_is", "")
    if not codes or not (systems or system_is) or not isinstance(system_is, str):
        env.error(at, "needs 'system', a column, or 'system_is', a name of systems.toml or a URI", "mapping-syntax")
        return None

    def bind(header: Header) -> Value:
        text = words.bind(header) if words else lambda cells, remarks: None
        places = [header(name) for name in codes]
        system_at = header(systems[0]) if systems else -1

        def make(cells: Cells, remarks: Remarks) -> Any:
            found = text(cells, remarks)
            place = next((place for place in places if cells[place] is not None), None)
            if place is None or isinstance(found, dict):
                return found
            system = cells[system_at] or system_is
            if not system:
                remarks.append(Remark("cell-form", place, "is a code without its system; say which in 'system_is'"))
                return found
            term: dict[str, Any] = {} if found is None else {"text": found}
            term["codes"] = [{"system": system, "code": cells[place]}]
            return term

        return make

    return Rule((*(words.columns if words else ()), *codes, *systems), bind)


def _words(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    columns = env.columns(at, raw["term"])
    return reading(columns, null_words(raw, env, at), compile_words(raw, target, env, at)) if columns else None
