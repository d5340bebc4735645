//! The chart: for each kind of work a group of bars, one for each server, in multiples of the strongest peer.
//! An SVG of few elements, written by hand; colours follow the reader's light or dark.

use std::fmt::Write as _;

use crate::{
    measure::Measure,
    results::{Cell, Results, cut},
    work::Work,
};

const WIDTH: f64 = 760.0;
/// Where bars begin, and the most that they may take.
const LEFT: f64 = 120.0;
const SPAN: f64 = 480.0;
const BAR: f64 = 16.0;
const GAP: f64 = 14.0;

const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 15px }
  .small { font-size: 12px; fill: #57606a }
  .s0 { fill: #0969da } .s1 { fill: #8c959f } .s2 { fill: #b6bec7 } .s3 { fill: #d0d7de }
  .one { stroke: #57606a; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #9198a1 }
    .s0 { fill: #4493f8 } .s1 { fill: #7d8590 } .s2 { fill: #565e68 } .s3 { fill: #3d444d }
    .one { stroke: #9198a1 }
  }";

/// Draws it; nothing where there are no peers.
pub(crate) fn draw(all: &[Results]) -> String {
    let mut drawn = String::new();
    let mut top = 0.0;
    for results in all {
        panel(&mut drawn, &mut top, results);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" role=\"img\" aria-label=\"Requests a \
         second, as multiples of the strongest peer\">\n<style>{STYLE}\n</style>\n{drawn}</svg>\n"
    )
}

/// One database's bars.
fn panel(drawn: &mut String, top: &mut f64, results: &Results) {
    let connections = results.shown_connections();
    let cells: Vec<_> = Work::ALL.into_iter().filter_map(|work| results.cell(work, connections)).collect();
    let Some(greatest) = cells.iter().flat_map(|cell| ratios(cell)).max_by(f64::total_cmp) else { return };
    let scale = SPAN / greatest.max(1.0);

    let name = &results.database;
    line(drawn, 8.0, *top + 22.0, "title", &format!("Requests a second, {connections} connections, {name}"));
    let mut x = 8.0;
    for (place, server) in results.servers.iter().enumerate() {
        let _ =
            writeln!(drawn, r#"<rect class="s{place}" x="{x}" y="{}" width="11" height="11" rx="2"/>"#, *top + 36.0);
        line(drawn, x + 16.0, *top + 46.0, "small", server);
        #[expect(clippy::cast_precision_loss, reason = "names are short")]
        let width = server.len() as f64 * 7.0;
        x += width + 36.0;
    }
    *top += 64.0;
    let start = *top;
    for cell in cells {
        line(drawn, 8.0, *top + BAR, "", &cell.work.to_string());
        for (place, ratio) in ratios(cell).into_iter().enumerate() {
            let (y, width) = (*top, ratio * scale);
            let bar = format!(
                r#"<rect class="s{place}" x="{LEFT}" y="{y}" width="{width:.1}" height="{}" rx="2"/>"#,
                BAR - 2.0
            );
            let _ = writeln!(drawn, "{bar}");
            let throughput = cell.median(place, Measure::throughput) / 1e3;
            line(drawn, LEFT + width + 6.0, y + 11.5, "small", &format!("{:.2} × · {throughput:.1} k/s", cut(ratio)));
            *top += BAR;
        }
        *top += GAP;
    }
    let (x, end) = (LEFT + scale, *top - GAP + 4.0);
    let _ = writeln!(drawn, r#"<line class="one" x1="{x:.1}" x2="{x:.1}" y1="{}" y2="{end}"/>"#, start - 4.0);
    *top += 10.0;
}

/// Each server's requests a second, in multiples of the strongest peer's.
fn ratios(cell: &Cell) -> Vec<f64> {
    let Some(peer) = cell.strongest_peer() else { return Vec::new() };
    (0..cell.measures.len()).map(|place| cell.ratio(place, peer, Measure::throughput)).collect()
}

fn line(drawn: &mut String, x: f64, y: f64, class: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(drawn, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{words}</text>"#);
}
