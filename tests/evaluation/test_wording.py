from __future__ import annotations

from hilum.evaluation.wording import films, interval, listed, number, with_interval, without_lungs


def test_figures_are_written_alike_everywhere() -> None:
    assert number(0.98765) == "0.988"
    assert number(None) == "–"
    assert interval({"low": 0.1, "high": 0.25}) == "0.100–0.250"
    assert interval({"low": None, "high": None}) == ""
    assert with_interval({"value": 0.5, "low": 0.4, "high": 0.6}) == "0.500 (0.400–0.600)"
    assert with_interval({"value": 1.0, "low": None, "high": None}) == "1.000"
    assert (films(1), films(1234)) == ("1 film", "1,234 films")
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert listed(["a", "b"], "or") == "a or b"


def test_what_needs_no_lung_is_said_where_it_is_above_chance() -> None:
    def controls(low: float) -> dict[str, object]:
        return {"controls": {"per_shift": {"lungs_blanked": {"auroc": {"value": 0.9, "low": low, "high": 0.95}}}}}

    assert "its AUROC is still 0.900 (0.800–0.950)" in without_lungs(controls(0.8))[0]
    assert without_lungs(controls(0.45)) == []
    assert without_lungs({}) == []
