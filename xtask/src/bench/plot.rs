//! The chart of the growth: docs/explanation/growth.svg.

use anyhow::{Context as _, Result, anyhow};
use plotters::prelude::*;

use crate::bench::growth::Growth;
use crate::process::project;

const SIZE: (u32, u32) = (960, 640);

const INK: RGBColor = RGBColor(30, 90, 160);

const GROUND: RGBColor = RGBColor(255, 255, 255);

/// Draws the chart and writes it.
pub(super) fn write(growth: &Growth) -> Result<()> {
    let file = project::root().join("docs/explanation/growth.svg");
    let drawn = draw(growth).map_err(|error| anyhow!("{error}"))?;
    std::fs::write(&file, drawn).with_context(|| format!("could not write {}", file.display()))
}

type Drawn<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn draw(growth: &Growth) -> Drawn<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&GROUND)?;
        let titled =
            root.titled("CPU time of one token in µs, and memory, by what grows", ("sans-serif", 22))?;
        let areas = titled.split_evenly((2, 3));
        #[expect(clippy::cast_precision_loss, reason = "counts of a chart are exact in an f64")]
        let points =
            |line: &[(u64, f64)]| line.iter().map(|(n, cost)| (*n as f64, *cost)).collect::<Vec<_>>();
        #[expect(clippy::cast_precision_loss, reason = "so are KiB")]
        let memory: Vec<(f64, f64)> =
            growth.memory.iter().map(|(n, kib)| (*n as f64, *kib as f64 / 1024.0)).collect();
        let lines = growth.lines().map(|(what, line)| (what, points(line)));
        let charts = lines.into_iter().chain([("tokens issued (MiB)", memory)]);
        for (area, (what, points)) in areas.iter().zip(charts) {
            chart(area, what, &points)?;
        }
        root.present()?;
    }
    Ok(svg)
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    what: &str,
    points: &[(f64, f64)],
) -> Drawn<()> {
    let most = points.iter().map(|point| point.1).fold(1.0, f64::max) * 1.15;
    let until = points.iter().map(|point| point.0).fold(1.0, f64::max);
    // Counts of clients are powers of ten.
    let is_logarithmic = what.starts_with("clients");
    let x = |n: f64| if is_logarithmic { n.max(1.0).log10() } else { n };
    let mut chart = ChartBuilder::on(area)
        .caption(what, ("sans-serif", 15))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..x(until).max(f64::MIN_POSITIVE), 0.0..most)?;
    let label = |n: &f64| {
        let n = if is_logarithmic { 10_f64.powf(*n) } else { *n };
        if n >= 1e6 {
            format!("{:.1}M", n / 1e6)
        } else if n >= 1e3 {
            format!("{:.0}k", n / 1e3)
        } else {
            format!("{n:.0}")
        }
    };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(6)
        .y_labels(5)
        .x_label_formatter(&label)
        .draw()?;
    let line = || points.iter().map(|(n, cost)| (x(*n), *cost));
    chart.draw_series(LineSeries::new(line(), INK.stroke_width(2)))?;
    chart.draw_series(line().map(|point| Circle::new(point, 3, INK.filled())))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::bench::growth::Growth;

    #[test]
    fn every_line_is_drawn() {
        let line = vec![(1, 150.0), (1000, 160.0)];
        let growth = Growth {
            clients_in_store: line.clone(),
            clients_in_memory: line.clone(),
            groups: line.clone(),
            scopes: line,
            memory: vec![(10_000, 90_000), (1_000_000, 91_000)],
        };
        let svg = draw(&growth).expect("it is drawn");
        let lines = svg.lines().filter(|line| line.contains("<polyline") && line.contains("#1E5AA0"));
        assert_eq!(lines.count(), 5, "{svg}");
        for (what, _) in growth.lines() {
            assert!(svg.contains(what), "{what}");
        }
    }
}
