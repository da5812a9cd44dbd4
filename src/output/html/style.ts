/** The style of a page; charts use the same variables. */
export const style = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1c1e21, #e6e8eb);
  --page: light-dark(#ffffff, #16181c);
  --rule: light-dark(#d9dde3, #363b44);
  --dim: light-dark(#626a75, #9aa3af);
  --good: light-dark(#1f7a4d, #4cc38a);
  --warn: light-dark(#9a6700, #e2b340);
  --bad: light-dark(#c62f35, #ff7b7f);
}
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; }
p { margin: 4px 0; overflow-wrap: anywhere; }
figure { margin: 24px 0; overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 560px; height: auto; }
figcaption, .dim { color: var(--dim); }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.table { overflow-x: auto; margin: 16px 0; }
table { border-collapse: collapse; min-width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 12px 5px 0; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--rule); }
td { max-width: 48ch; overflow: hidden; text-overflow: ellipsis; }
th { font-weight: 600; color: var(--dim); }
th.right, td.right { text-align: right; }
ul { padding-left: 20px; font-size: 13px; }
pre { overflow-x: auto; padding: 12px; border: 1px solid var(--rule); }
@media print {
  :root { color-scheme: light; }
  main { max-width: none; padding: 0; }
  .table, figure { overflow: visible; }
  figure svg { min-width: 0; }
  table { font-size: 11px; }
  td { max-width: none; white-space: normal; }
  thead { display: table-header-group; }
  tr, figure { break-inside: avoid; }
}
`;
