import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent } from 'echarts/components';
import { init, use, type EChartsCoreOption } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { BarsChart, Chart, LineChart as Lines, Tone } from '../../chart.ts';
import { oneLine } from '../sanitise.ts';

use([BarChart, LineChart, GridComponent, LegendComponent, MarkLineComponent, SVGRenderer]);

/** Pixels; the page scales the drawing. */
const width = 860;

/**
 * The library writes colors as they are given, and cannot know the reader's color scheme: each of these is
 * replaced by a variable of the page's style.
 */
const inks = {
  text: '#010203',
  rule: '#010204',
  good: '#010205',
  warn: '#010206',
  bad: '#010207',
  dim: '#010208',
} as const;

/** Returns a chart as an SVG element whose colors are the variables `--text`, `--rule`, `--good`, … */
export function chartSvg(chart: Chart): string {
  const height = chart.kind === 'bars' ? 60 + 22 * chart.bars.length : 340;
  const drawing = init(null, null, { renderer: 'svg', ssr: true, width, height });
  drawing.setOption({
    animation: false,
    useUTC: true,
    textStyle: { fontFamily: 'system-ui, sans-serif', color: inks.text },
    ...(chart.kind === 'bars' ? barsOption(chart) : linesOption(chart)),
  });
  const svg = drawing.renderToSVGString({ useViewBox: true });
  drawing.dispose();
  return Object.entries(inks).reduce(
    (drawn, [name, ink]) => drawn.replaceAll(ink, `var(--${name})`),
    svg,
  );
}

/** The labels of the axes are inside the margins of the grid. */
const withLabels = { outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' };
const axisLine = { axisLine: { lineStyle: { color: inks.rule } }, axisTick: { show: false } };
const labels = { color: inks.text, fontSize: 12 };
const splitLine = { splitLine: { lineStyle: { color: inks.rule } } };

/** Pixels beside the bars for their labels. */
const mostRoom = 250;

/** The library knows no font and takes labels for narrower than they are: 7 pixels are a wide letter's. */
function roomFor(bars: BarsChart['bars']): number {
  return Math.min(mostRoom, 16 + 7 * Math.max(...bars.map(({ label }) => label.length)));
}

function barsOption({ bars, unit, mark }: BarsChart): EChartsCoreOption {
  return {
    grid: { left: roomFor(bars), right: 64, top: 8, bottom: 24, outerBoundsMode: 'none' },
    xAxis: { type: 'value', ...splitLine, axisLabel: { ...labels, formatter: `{value}${unit}` } },
    yAxis: {
      type: 'category',
      inverse: true,
      data: bars.map(({ label }) => oneLine(label)),
      ...axisLine,
      axisLabel: { ...labels, width: mostRoom - 30, overflow: 'truncate' },
    },
    series: [
      {
        type: 'bar',
        silent: true,
        barMaxWidth: 14,
        data: bars.map(({ value, text, tone }) => ({
          value,
          itemStyle: { color: inkOf(tone) },
          label: {
            show: true,
            position: 'right',
            color: inks.text,
            formatter: () => oneLine(text),
          },
        })),
        ...(mark !== undefined && {
          markLine: {
            silent: true,
            symbol: 'none',
            label: { show: false },
            lineStyle: { color: inks.text, type: 'solid' },
            data: [{ xAxis: mark }],
          },
        }),
      },
    ],
  };
}

function inkOf(tone: Tone | undefined): string {
  return tone === undefined ? inks.good : inks[tone];
}

const lineInks = [inks.good, inks.bad, inks.warn, inks.dim];

function linesOption({ series }: Lines): EChartsCoreOption {
  return {
    grid: { left: 16, right: 24, top: series.length > 1 ? 40 : 16, bottom: 8, ...withLabels },
    ...(series.length > 1 && { legend: { top: 0, left: 0, textStyle: labels } }),
    xAxis: { type: 'time', ...axisLine, axisLabel: labels },
    yAxis: { type: 'value', ...splitLine, axisLabel: labels },
    series: series.map(({ name, points }, at) => ({
      type: 'line',
      name: oneLine(name),
      silent: true,
      showSymbol: points.length < 60,
      data: points,
      lineStyle: { color: lineInks[at % lineInks.length], width: 2 },
      itemStyle: { color: lineInks[at % lineInks.length] },
    })),
  };
}
