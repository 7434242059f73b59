"""Tables of what was measured."""
import bars
import search

WIDTH = 38   # of what a row is about


def print_machine(result):
    about = result["machine"]
    print(f"{about['processor']}, load {about['load']}; PostgreSQL {about['server']},"
          f" {about['extensions']}; shared_buffers {about['shared_buffers']};"
          f" {about['date']}")
    print(f"{result['data']}: {result['rows']:,} × {result['dimensions']}")
    print(f"\n{'index':{WIDTH}}{'build s':>9}{'load':>6}{'memory':>8}{'workers':>9}"
          f"{'bytes/vector':>14}")
    for side in result["sides"].values():
        print(f"{side['title']:{WIDTH}}{side['build']:9.1f}{side['build load']:6.1f}"
              f"{side['memory']:>8}{side['workers']:9}{side['bytes']:14.0f}", flush=True)


def print_curve(curve):
    print(f"\n{curve['title']:{WIDTH}}{'recall@10':>10}{'ms':>9}   lowest–highest round")
    for p in curve["points"]:
        print(f"{p['value']:>{WIDTH}}{p['recall']:10.4f}{p['seconds'] * 1e3:9.3f}"
              f"   {p['low'] * 1e3:.3f}–{p['high'] * 1e3:.3f}")


def print_speeds(title, curves):
    """A line for each curve, and one for each maker that has several."""
    def line(name, speeds):
        cells = (f"{s:10.0f}" if s else f"{'-':>10}" for s in speeds)
        print(f"{name:{WIDTH}}" + "".join(cells))

    print(f"\n{title:{WIDTH}}" + "".join(f"{mark:10.2f}" for mark in search.MARKS))
    for curve in curves:
        line(curve["title"], [search.fastest([curve], mark) for mark in search.MARKS])
    for maker in dict.fromkeys(curve["maker"] for curve in curves):
        mine = [curve for curve in curves if curve["maker"] == maker]
        if len(mine) > 1:
            line(f"the best of {maker}",
                 [search.fastest(mine, mark) for mark in search.MARKS])


def print_search(result):
    for curve in result["search"]:
        print_curve(curve)
    print_speeds("queries/s at recall@10", result["search"])
    if result["tried"]:
        print_speeds("only tried, with few queries", result["tried"])


def print_writes(sides):
    print(f"\n{'':{WIDTH}}{'build s':>9}{'rows/s':>9}{'WAL/row':>9}{'+images':>9}"
          f"{'together':>9}{'VACUUM s':>10}")
    for side in sides:
        write = side["write"]
        print(f"{side['title']:{WIDTH}}{write['build']:9.1f}{write['rows/s']:9.0f}"
              f"{write['wal']:9.0f}{write['wal with images']:9.0f}"
              f"{write['together']:9.0f}{write['vacuum']:10.3f}")


def print_filters(sides):
    print(f"\n{'filter':{WIDTH}}{'way':>12}{'keeps %':>9}{'rows':>6}{'recall':>8}{'ms':>9}")
    for side in sides:
        for f in side["filter"]:
            print(f"{side['title']:{WIDTH}}{f['way']:>12}{f['percent']:9}{f['rows']:6}"
                  f"{f['recall']:8.3f}{f['ms']:9.2f}")


def print_growth(sides):
    for side in sides:
        kinds = [side["grow"][kind] for kind in ("built", "grown", "churned")]
        print(f"\n{side['title']:{WIDTH}}{'built':>20}{'grown by inserts':>20}"
              f"{'half came again':>20}")
        for row in zip(*kinds):
            print(f"{row[0]['value']:>{WIDTH}}" + "".join(
                f"{p['recall']:11.3f}{p['ms']:7.3f}ms" for p in row))
        for kind in ("grown", "churned"):
            losses = [f"{bars.growth_loss(one, kind):.3f}" for one in side["grow"]["rounds"]]
            print(f"recall lost at equal time in each round, {kind}: {' '.join(losses)}")


def print_plans(sides):
    for side in sides:
        print(f"\n{'rows':>9}{'keeps':>8}{'LIMIT':>7}  {'chosen':10}{'ms':>9}"
              f"   other ways, ms")
        for p in side["plans"]:
            others = ", ".join(f"{way} {ms:.2f}" for way, ms in p["ms"].items()
                               if way != p["chosen"])
            print(f"{p['rows']:>9}{p['keeps']:8.3g}{p['limit']:>7}  {p['chosen']:10}"
                  f"{p['ms'][p['chosen']]:9.2f}   {others}"
                  f"{'  wrong' if p['wrong'] else ''}")
        wrong = [p for p in side["plans"] if p["wrong"]]
        print(f"{len(wrong)} of {len(side['plans'])} plans are wrong")


def print_overhead(sides):
    print(f"\n{'':{WIDTH}}{'index µs':>10}{'primary key µs':>16}{'of ten rows µs':>16}"
          f"{'primary key µs':>16}")
    for side in sides:
        over = side["overhead"]
        print(f"{side['title']:{WIDTH}}{over['index us']:10.0f}{over['key us']:16.0f}"
              f"{over['few index us']:16.0f}{over['few key us']:16.0f}")


def print_result(result):
    if "search" in result:
        print_search(result)
    for part, print_part in (("write", print_writes), ("filter", print_filters),
                             ("grow", print_growth), ("overhead", print_overhead),
                             ("plans", print_plans)):
        having = [side for side in result["sides"].values() if part in side]
        if having:
            print_part(having)
