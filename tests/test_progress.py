import io

from codesign.progress import BarReporter, LineReporter, reporter


def test_lines_at_the_start_when_due_and_at_the_end():
    stream, now = io.StringIO(), [0.0]
    report = LineReporter(stream, interval_s=10, clock=lambda: now[0])
    for done in range(101):
        now[0] = done * 0.25
        report(done, 100, "sweep")
    report(100, 100, "sweep")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "  sweep: 0/100"
    assert lines[-1] == "  sweep: 100/100"
    assert len(lines) == 4


def test_a_new_label_prints_at_once():
    stream = io.StringIO()
    report = LineReporter(stream, clock=lambda: 0.0)
    report(1, 5, "a")
    report(1, 5, "b")
    assert stream.getvalue().splitlines() == ["  a: 1/5", "  b: 1/5"]


def test_a_log_gets_lines_and_a_terminal_a_bar():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert isinstance(reporter(io.StringIO()), LineReporter)
    terminal = Terminal()
    with reporter(terminal) as display:
        assert isinstance(display, BarReporter)
        display(1, 2, "sweep")
        display.message("fit: [done]")
        display(2, 2, "sweep")
    assert "fit: [done]" in terminal.getvalue()


def test_a_note_changes_without_a_new_line_or_bar():
    stream = io.StringIO()
    report = LineReporter(stream, clock=lambda: 0.0)
    report(1, 3, "train | 50 %")
    report(2, 3, "train | 60 %")
    report(3, 3, "train | 70 %")
    assert stream.getvalue().splitlines() == ["  train | 50 %: 1/3", "  train | 70 %: 3/3"]
