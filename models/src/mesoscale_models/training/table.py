"""A card as a table for people."""

from typing import Any

_ROWS = {
    "pr_auc": ("PR-AUC", "{:.3f}"),
    "roc_auc": ("ROC-AUC", "{:.4f}"),
    "recall_at_1pct_false_alarms": ("recall at 1 % false alarms", "{:.1%}"),
    "cost": ("cost per 1,000 payments", "{:.1f}"),
    "recall": ("recall at the threshold", "{:.1%}"),
    "precision": ("precision at the threshold", "{:.1%}"),
    "alerts_per_1000": ("alerts per 1,000 payments", "{:.2f}"),
}


def render(card: dict[str, Any]) -> str:
    """The figures of a version beside those of the rules, on the payments that neither has seen."""
    metrics, settings = card["metrics"], card["settings"]
    costs = f"a miss costs {settings['miss']:g} and a false alarm {settings['alarm']:g}"
    lines = [
        f"fraud {card['version']}: judged on {metrics['payments']:,} payments, {metrics['fraud']:,} of them fraud",
        "",
        f"  {'':28}{'model':>10}{'rules':>10}",
    ]
    for key, (label, shape) in _ROWS.items():
        model, rules = (shape.format(metrics[who][key]) for who in ("model", "rules"))
        lines.append(f"  {label:28}{model:>10}{rules:>10}")
    single = metrics["best_single_feature"]
    patterns = ", ".join(f"{name} {share:.0%}" for name, share in metrics["recall_by_pattern"].items())
    lines += [
        "",
        f"  flagged of each pattern: {patterns}",
        f"  the best feature alone: {single['feature']}, PR-AUC {single['pr_auc']:.3f}",
        f"  threshold {card['threshold']:.4f}: cheapest where {costs}",
    ]
    if card["data"]["too_short_for"]:
        lines.append(f"  not used, the history is too short for them: {', '.join(card['data']['too_short_for'])}")
    promoted = (
        "it is the champion now" if card["promoted"] else "not promoted: the champion does better, or was to stay"
    )
    return "\n".join([*lines, f"  {promoted}"])
