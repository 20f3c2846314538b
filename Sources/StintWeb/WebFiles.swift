// Generated from web/ by `make web`: change the files there, not this one.
// swift-format-ignore-file

/// The dashboard's files, so that the binary needs nothing beside it.
enum WebFiles {
  static let all: [(path: String, text: StaticString)] = [
("css/base.css", #"""
/* Elements as such: text, buttons, fields, focus. */
*, *::before, *::after { box-sizing: border-box; }

html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }

body {
  margin: 0;
  background: var(--ground);
  color: var(--text);
  font: var(--text-body) / 1.45 var(--font);
  font-variant-numeric: tabular-nums;
}

h1, h2, h3, p, dl, dd, ul, ol, pre, figure { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h2 { font-size: var(--text-body); font-weight: 650; }
h3 { font-size: var(--text-body); font-weight: 650; }
code, pre, kbd { font-family: var(--mono); font-size: 0.8125rem; }
[hidden] { display: none !important; }
a { color: var(--accent); text-underline-offset: 2px; }

.visually-hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: 2px;
  border-radius: var(--radius-small);
}

.icon {
  width: 16px;
  height: 16px;
  flex: none;
  fill: none;
  stroke: currentcolor;
  stroke-width: 1.5;
  stroke-linecap: round;
  stroke-linejoin: round;
}

button, .button {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  gap: 6px;
  min-height: var(--target);
  padding: 0 var(--space-3);
  border: 1px solid var(--line-strong);
  border-radius: var(--radius-small);
  background: var(--surface);
  color: var(--text);
  font: inherit;
  font-weight: 500;
  cursor: pointer;
  transition: background var(--quick), border-color var(--quick), color var(--quick);
}
button:hover { background: var(--hover); border-color: var(--line-field); }
button:active { transform: translateY(0.5px); }
button:disabled { opacity: 0.6; cursor: default; }

button.primary {
  background: var(--accent);
  border-color: var(--accent);
  color: var(--on-accent);
}
button.primary:hover { background: var(--accent-strong); border-color: var(--accent-strong); }
button.quiet {
  border-color: transparent;
  background: transparent;
  color: var(--text-quiet);
}
button.quiet:hover { background: var(--grey-soft); color: var(--text); }
button.danger { border-color: var(--red); color: var(--red); }
button.danger:hover { background: var(--red-soft); }
button.danger.solid { background: var(--red); color: light-dark(#fff, #200c0c); }
button.danger.solid:hover { filter: brightness(0.94); }
.icon-button {
  width: var(--target);
  padding: 0;
  border-color: transparent;
  background: transparent;
  color: var(--text-quiet);
  flex: none;
}
.icon-button:hover {
  background: var(--grey-soft);
  border-color: transparent;
  color: var(--text);
}

input, select, textarea {
  width: 100%;
  min-height: var(--target);
  padding: 5px 10px;
  border: 1px solid var(--line-field);
  border-radius: var(--radius-small);
  background: var(--surface);
  color: var(--text);
  font: inherit;
}
textarea {
  resize: vertical;
  font-family: var(--mono);
  font-size: 0.8125rem;
}
input[type="checkbox"] {
  width: 24px;
  min-height: 24px;
  height: 24px;
  accent-color: var(--accent);
}
input::placeholder, textarea::placeholder { color: var(--text-quiet); opacity: 1; }
input:focus-visible, select:focus-visible, textarea:focus-visible {
  outline-offset: 0;
  border-color: var(--accent);
}
[aria-invalid="true"] { border-color: var(--red); }

kbd {
  display: inline-block;
  min-width: 20px;
  padding: 0 5px;
  border: 1px solid var(--line-strong);
  border-bottom-width: 2px;
  border-radius: 4px;
  background: var(--surface);
  color: var(--text-quiet);
  font-size: 0.6875rem;
  line-height: 18px;
  text-align: center;
}

.hint, .quiet-text { color: var(--text-quiet); font-size: var(--text-small); }
.quiet-text { font-size: var(--text-body); }

.chip {
  display: inline-block;
  max-width: 18ch;
  padding: 0 6px;
  overflow: hidden;
  border-radius: 4px;
  background: var(--grey-soft);
  color: var(--text-quiet);
  font-size: var(--text-small);
  line-height: 18px;
  text-overflow: ellipsis;
  white-space: nowrap;
  vertical-align: bottom;
}
.chip[data-priority="critical"], .chip[data-priority="high"] {
  background: var(--accent-soft);
  color: var(--accent);
}

#skip {
  position: absolute;
  top: -60px;
  left: var(--space-4);
  z-index: 20;
  padding: var(--space-2) var(--space-4);
  border-radius: var(--radius-small);
  background: var(--accent);
  color: var(--on-accent);
}
#skip:focus { top: var(--space-2); }

.no-script { padding: var(--space-5); }

@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after {
    animation-duration: 0.01ms !important;
    animation-iteration-count: 1 !important;
    transition-duration: 0.01ms !important;
    scroll-behavior: auto !important;
  }
}

"""#),
("css/chart.css", #"""
#chart { padding: var(--space-2) var(--space-4) var(--space-3); }
.plots {
  display: grid;
  grid-template-columns: 1fr 1fr;
  gap: var(--space-5);
}
/* Their areas stand side by side, however many lines are above. */
.plot { display: flex; flex-direction: column; }
.plot-area-box { margin-top: auto; }
.plot figcaption {
  display: flex;
  flex-wrap: wrap;
  align-items: baseline;
  gap: 0 var(--space-3);
  margin-bottom: var(--space-1);
  font-size: var(--text-small);
  color: var(--text-quiet);
}
.plot-title {
  font-weight: 600;
  color: var(--text);
  margin-right: auto;
}
.legend { white-space: nowrap; }
.legend i {
  display: inline-block;
  width: 10px;
  height: 3px;
  margin: 0 3px 3px 0;
  border-radius: 2px;
  background: var(--measure);
}
.legend b {
  display: inline-block;
  min-width: 1ch;
  color: var(--text);
  font-weight: 600;
}
[data-measure="throughput"] { --measure: var(--accent); }
[data-measure="waiting"] { --measure: var(--line-field); }
[data-measure="running"] { --measure: var(--blue); }

.plot-area-box {
  position: relative;
  height: 72px;
  border-bottom: 1px solid var(--line-strong);
}
.plot-lines {
  display: block;
  width: 100%;
  height: 100%;
  overflow: visible;
}
.plot-grid {
  stroke: var(--line);
  stroke-width: 1;
  vector-effect: non-scaling-stroke;
}
.plot-line {
  fill: none;
  stroke: var(--measure);
  stroke-width: 1.75;
  stroke-linejoin: round;
  vector-effect: non-scaling-stroke;
}
.plot-area { fill: var(--measure); opacity: 0.1; }
.plot-cursor {
  position: absolute;
  top: 0;
  bottom: 0;
  width: 1px;
  background: var(--text-quiet);
  pointer-events: none;
}
.plot-top, .plot-zero {
  position: absolute;
  left: 0;
  padding: 0 3px 0 0;
  background: color-mix(in srgb, var(--surface) 75%, transparent);
  color: var(--text-quiet);
  font-size: 0.6875rem;
  line-height: 14px;
  pointer-events: none;
}
.plot-top { top: 0; }
.plot-zero { bottom: 1px; }
.plot-times {
  display: flex;
  justify-content: space-between;
  margin-top: 3px;
  color: var(--text-quiet);
  font-size: 0.6875rem;
}

@media (max-width: 520px) {
  #chart { padding: var(--space-2) var(--space-3); }
  .plots { gap: var(--space-3); }
  .plot-area-box { height: 48px; }
  .plot-title { flex-basis: 100%; }
}
@media (max-height: 760px) and (min-width: 860px) {
  .plot-area-box { height: 48px; }
}

"""#),
("css/dead-letters.css", #"""
/* What the pages beside the queue share, and the dead letters. */
#pages {
  display: flex;
  gap: 2px;
  padding: 2px;
  border-radius: calc(var(--radius-small) + 2px);
  background: light-dark(#e9e9ef, #1b1d25);
}
#pages a {
  display: inline-flex;
  align-items: center;
  min-height: max(28px, calc(var(--target) - 4px));
  padding: 0 var(--space-3);
  border: 1px solid transparent;
  border-radius: var(--radius-small);
  color: var(--text-quiet);
  font-weight: 500;
  text-decoration: none;
  white-space: nowrap;
}
#pages a:hover { color: var(--text); }
#pages a[aria-current] {
  border-color: var(--line);
  background: var(--raised);
  color: var(--text);
  box-shadow: var(--shadow);
}

.page-head {
  display: flex;
  flex-wrap: wrap;
  align-items: baseline;
  gap: 0 var(--space-3);
  padding: var(--space-3) var(--space-4) 0;
}
.page-head h2 { font-size: var(--text-large); }
.page-head h2:focus { outline: none; }
.page-head p { color: var(--text-quiet); }
.page-body { padding: 0 var(--space-4) var(--space-4); }
.page-fault {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: space-between;
  gap: var(--space-2);
  margin-top: var(--space-3);
  padding: var(--space-2) var(--space-3);
  border-radius: var(--radius-small);
  background: var(--red-soft);
  color: var(--red);
  overflow-wrap: anywhere;
}
.empty {
  display: grid;
  justify-items: center;
  gap: var(--space-2);
  padding: var(--space-6) var(--space-2);
  color: var(--text-quiet);
  text-align: center;
}
.empty h3 { color: var(--text); font-size: var(--text-large); }

.dead-bar {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: var(--space-2);
  padding: var(--space-2) var(--space-4) var(--space-3);
  border-bottom: 1px solid var(--line);
}
.dead-bar .search-box { flex: 1 1 200px; max-width: 420px; }
#dead-filters {
  display: flex;
  flex-wrap: wrap;
  gap: var(--space-2);
  margin-top: var(--space-3);
}
#dead-filters button {
  max-width: 100%;
  border-color: var(--line-strong);
}
#dead-filters b { min-width: 0; overflow-wrap: anywhere; }
.dead-filter-name { color: var(--text-quiet); }
.dead-acts {
  display: flex;
  flex-wrap: wrap;
  gap: var(--space-1);
  margin-left: auto;
}
.dead-part h3 {
  margin: var(--space-4) 0 var(--space-1);
  color: var(--text-quiet);
  font-size: var(--text-small);
  font-weight: 600;
}
.dead-crumb {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: var(--space-1) var(--space-2);
  margin: var(--space-3) 0 0 calc(-1 * var(--space-3));
  overflow-wrap: anywhere;
}
.dead-group, .dead-job {
  display: grid;
  gap: 2px;
  padding: var(--space-2) 0;
  border-bottom: 1px solid var(--line);
}
.dead-job[data-open] { box-shadow: -6px 0 var(--surface), -9px 0 var(--accent); }
.dead-first, .dead-last {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: space-between;
  gap: 2px var(--space-3);
}
.dead-last { flex-wrap: nowrap; }
.dead-group .dead-last { flex-wrap: wrap; }
.dead-open {
  display: inline-flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0 var(--space-2);
  min-width: 0;
  min-height: 24px;
  color: var(--text);
  text-decoration: none;
}
.dead-open:hover .row-type { text-decoration: underline; }
.dead-open .row-type { overflow-wrap: anywhere; white-space: normal; }
.dead-open code { color: var(--text-quiet); font-size: var(--text-small); overflow-wrap: anywhere; }
.dead-kind { color: var(--red); font-weight: 500; overflow-wrap: anywhere; }
.dead-number { font-weight: 600; }
.dead-message {
  flex: 1;
  min-width: 0;
  display: -webkit-box;
  overflow: hidden;
  color: var(--text-quiet);
  font-size: 0.8125rem;
  overflow-wrap: anywhere;
  -webkit-box-orient: vertical;
  -webkit-line-clamp: 2;
}
.dead-times { color: var(--text-quiet); font-size: var(--text-small); }
.dead-last button, .dead-bar .quiet { font-size: var(--text-small); padding: 0 var(--space-2); }
#dead-more { margin-top: var(--space-3); }

@media (min-width: 860px) {
  .page-body {
    flex: 1;
    min-height: 0;
    overflow: auto;
    overscroll-behavior: contain;
  }
}
@media (max-width: 859px) {
  body:not([data-view="queue"]) #chart { display: none; }
  body:not([data-view="queue"]) #overview { padding-bottom: var(--space-2); }
}
@media (max-width: 760px) {
  #header { flex-wrap: wrap; }
  #pages {
    order: 9;
    display: grid;
    flex: 1 1 100%;
    grid-template-columns: repeat(3, 1fr);
  }
  #pages a { justify-content: center; padding: 0 var(--space-1); }
}
@media (max-width: 519px) {
  .page-head, .dead-bar { padding-inline: var(--space-3); }
  .page-body { padding-inline: var(--space-3); }
}

"""#),
("css/detail.css", #"""
.detail-head {
  position: sticky;
  top: 0;
  z-index: 1;
  display: flex;
  align-items: flex-start;
  gap: var(--space-2);
  padding: var(--space-3) var(--space-3) var(--space-2) var(--space-4);
  border-bottom: 1px solid var(--line);
  background: var(--surface);
}
.detail-title {
  display: flex;
  flex: 1;
  flex-wrap: wrap;
  align-items: center;
  gap: 0 var(--space-3);
  min-width: 0;
  min-height: var(--target);
}
.detail-title h2 { font-size: var(--text-large); overflow-wrap: anywhere; }
.detail-title h2:focus { outline: none; }
.detail-body {
  display: grid;
  grid-template-columns: minmax(0, 1fr);
  gap: var(--space-4);
  padding: var(--space-3) var(--space-4) var(--space-5);
}
#detail > .detail-body + p { padding: var(--space-4); }

.detail-actions { display: grid; gap: 6px; }
.button-line {
  display: flex;
  flex-wrap: wrap;
  gap: var(--space-1);
}
.button-line .quiet { border-color: var(--line); }
.button-line button:first-child { margin-right: var(--space-1); }
.state-words { color: var(--text-quiet); }
.gone {
  padding: var(--space-2) var(--space-3);
  border-radius: var(--radius-small);
  background: var(--amber-soft);
  color: var(--amber);
  overflow-wrap: anywhere;
}

.detail-progress { display: grid; gap: 6px; }
.detail-progress .progress { height: 8px; border-radius: 4px; }
.detail-progress p { overflow-wrap: anywhere; }
.detail-progress span { color: var(--text-quiet); }

.block {
  display: grid;
  grid-template-columns: minmax(0, 1fr);
  gap: 6px;
}
.block h3 {
  font-size: var(--text-small);
  font-weight: 600;
  color: var(--text-quiet);
}
.block-head {
  display: flex;
  align-items: center;
  justify-content: space-between;
  min-height: 24px;
}
.icon-button.small { margin: -6px 0; }
.block pre {
  max-height: 320px;
  padding: var(--space-2) var(--space-3);
  overflow: auto;
  border: 1px solid var(--line);
  border-radius: var(--radius-small);
  background: var(--sunken);
  line-height: 1.5;
  overflow-wrap: anywhere;
  white-space: pre-wrap;
  unicode-bidi: plaintext;
}
.error-block pre {
  border-color: color-mix(in srgb, var(--red) 35%, transparent);
  background: var(--red-soft);
  color: var(--text);
}
.error-type {
  margin-bottom: var(--space-1);
  color: var(--red);
  font-size: var(--text-small);
  font-weight: 600;
}

.links {
  display: grid;
  gap: 2px;
  font-size: 0.8125rem;
}
.links li {
  display: flex;
  align-items: center;
  gap: 6px;
  min-width: 0;
  color: var(--text-quiet);
}
.links a {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
  line-height: 32px;
}

.life-bar {
  display: flex;
  gap: 2px;
  height: 12px;
}
.life-bar span {
  flex: 1 1 0;
  min-width: 4px;
  border-radius: 3px;
  background: var(--status);
}
.life-bar [data-kind="wait"] {
  background: repeating-linear-gradient(-45deg, var(--grey-soft) 0 4px, var(--line-strong) 4px 5px);
}
.life-bar [data-kind="wait"][data-status="retrying"] {
  background: repeating-linear-gradient(-45deg, var(--amber-soft) 0 4px, var(--amber) 4px 5px);
}
.steps {
  position: relative;
  display: grid;
  gap: 0;
  margin-top: var(--space-1);
}
.step {
  position: relative;
  display: grid;
  grid-template-columns: 20px minmax(0, 1fr) auto;
  align-items: start;
  gap: var(--space-2);
  padding: 3px 0;
  font-size: 0.8125rem;
}
.step-mark {
  position: relative;
  z-index: 1;
  display: flex;
  justify-content: center;
  padding: 1px 0;
  background: var(--surface);
}
.step:not(:last-child)::before {
  content: "";
  position: absolute;
  left: 9.5px;
  top: 14px;
  bottom: -10px;
  width: 1px;
  background: var(--line-strong);
}
.step[data-kind="wait"] { color: var(--text-quiet); }
.step-word { overflow-wrap: anywhere; }
.step-outcome { color: var(--status); font-weight: 500; }
.step-by { color: var(--text-quiet); }
.step-length { color: var(--text-quiet); white-space: nowrap; }

.attempt-list { display: grid; gap: var(--space-2); }
.attempt {
  display: grid;
  gap: 2px;
  padding: var(--space-2) var(--space-3);
  border: 1px solid var(--line);
  border-radius: var(--radius-small);
  font-size: 0.8125rem;
}
.attempt-first {
  display: flex;
  align-items: center;
  gap: 6px;
}
.attempt-first span { color: var(--status); font-weight: 500; }
.attempt-first .attempt-took {
  margin-left: auto;
  color: var(--text-quiet);
  font-weight: 400;
}
.attempt-error { overflow-wrap: anywhere; }
.attempt-worker { color: var(--text-quiet); overflow-wrap: anywhere; }
.attempt-worker code { font-size: var(--text-small); }

.facts {
  display: grid;
  gap: 0;
  font-size: 0.8125rem;
}
.fact {
  display: grid;
  grid-template-columns: 84px minmax(0, 1fr);
  align-items: baseline;
  gap: var(--space-2);
  padding: 4px 0;
  border-bottom: 1px solid var(--line);
}
.fact:last-child { border-bottom: 0; }
.fact dt { color: var(--text-quiet); }
.fact dd { overflow-wrap: anywhere; }
.fact dd code { font-size: var(--text-small); }
.fact .chip { max-width: 100%; margin: 0 4px 2px 0; }
.fact .icon-button { vertical-align: middle; }

"""#),
("css/dialogs.css", #"""
dialog {
  width: min(480px, calc(100vw - 32px));
  max-height: calc(100dvh - 32px);
  padding: var(--space-5);
  border: 1px solid var(--line);
  border-radius: 14px;
  background: var(--raised);
  color: var(--text);
  box-shadow: var(--shadow-high);
}
dialog[open] { animation: rise var(--calm) ease-out; }
dialog::backdrop { background: light-dark(rgb(20 20 40 / 35%), rgb(0 0 0 / 60%)); }
dialog h2 { font-size: var(--text-large); }
dialog p { margin-top: var(--space-2); color: var(--text-quiet); }
dialog .form-buttons { justify-content: flex-end; margin-top: var(--space-5); }
dialog .fault { margin-top: 0; color: var(--red); }

@keyframes rise {
  from { opacity: 0; transform: translateY(8px) scale(0.985); }
}

.dialog-head {
  display: flex;
  align-items: center;
  justify-content: space-between;
}
.shortcut-groups {
  display: grid;
  gap: var(--space-4);
  margin-top: var(--space-3);
}
.shortcut-groups h3 {
  margin-bottom: var(--space-1);
  color: var(--text-quiet);
  font-size: var(--text-small);
}
.shortcut-groups dl > div {
  display: flex;
  align-items: center;
  justify-content: space-between;
  gap: var(--space-3);
  padding: 5px 0;
  border-bottom: 1px solid var(--line);
}
.shortcut-groups dt { order: 2; white-space: nowrap; }
.sign-in .field { margin-top: var(--space-4); }

"""#),
("css/form.css", #"""
#compose { padding: var(--space-3); }
#compose > h2 { padding: var(--space-1) var(--space-2) var(--space-2); }

.type-list { display: grid; gap: 2px; }
.type {
  display: block;
  width: 100%;
  padding: 7px var(--space-2);
  border-color: transparent;
  background: transparent;
  text-align: left;
  font-weight: 400;
}
.type:hover { background: var(--hover); border-color: transparent; }
.type[aria-expanded="true"] { background: var(--accent-soft); border-color: transparent; }
.type-name {
  display: block;
  overflow: hidden;
  font-weight: 600;
  text-overflow: ellipsis;
  white-space: nowrap;
}
.type[aria-expanded="true"] .type-name { color: var(--accent); }
.type-text {
  display: -webkit-box;
  overflow: hidden;
  color: var(--text-quiet);
  font-size: var(--text-small);
  line-height: 1.35;
  overflow-wrap: anywhere;
  -webkit-box-orient: vertical;
  -webkit-line-clamp: 2;
}

#compose:has(#job-form) .type:not([aria-expanded="true"]) .type-text { display: none; }

#job-form {
  display: grid;
  gap: var(--space-3);
  margin-top: var(--space-3);
  padding: var(--space-4) var(--space-2) var(--space-2);
  border-top: 1px solid var(--line);
  animation: appear var(--calm) ease-out;
}
.field {
  display: grid;
  gap: var(--space-1);
  min-width: 0;
}
.field label {
  display: flex;
  align-items: baseline;
  justify-content: space-between;
  gap: var(--space-2);
  font-weight: 500;
  overflow-wrap: anywhere;
}
.required {
  color: var(--text-quiet);
  font-size: var(--text-small);
  font-weight: 400;
}
.hint { overflow-wrap: anywhere; }
.fault {
  position: relative;
  padding-left: 18px;
  color: var(--red);
  font-size: var(--text-small);
  font-weight: 500;
  overflow-wrap: anywhere;
}
.fault::before {
  content: "!";
  position: absolute;
  left: 0;
  top: 2px;
  width: 13px;
  height: 13px;
  border-radius: 50%;
  background: var(--red);
  color: var(--surface);
  font-size: 10px;
  font-weight: 700;
  line-height: 13px;
  text-align: center;
}
#form-error {
  padding: var(--space-2) var(--space-3);
  border-radius: var(--radius-small);
  background: var(--red-soft);
  color: var(--red);
  overflow-wrap: anywhere;
}
.form-buttons { display: flex; gap: var(--space-2); }
#job-options summary {
  display: flex;
  align-items: center;
  min-height: var(--target);
  color: var(--text-quiet);
  font-weight: 500;
  cursor: pointer;
  list-style: none;
}
#job-options summary::-webkit-details-marker { display: none; }
#job-options summary::before {
  content: "";
  width: 6px;
  height: 6px;
  margin: 0 10px 0 4px;
  border: solid currentcolor;
  border-width: 0 1.5px 1.5px 0;
  transform: rotate(-45deg);
  transition: transform var(--quick);
}
#job-options[open] summary::before { transform: rotate(45deg); }
.option-fields {
  display: grid;
  gap: var(--space-3);
  padding: var(--space-2) 0 var(--space-1);
}

@keyframes appear {
  from { opacity: 0; transform: translateY(-4px); }
}

@media (max-width: 859px) {
  #compose { padding: var(--space-2) var(--space-3); }
  #compose > h2 { padding: var(--space-1) 0 var(--space-1); }
  .type-list {
    display: flex;
    gap: var(--space-1);
    margin: 0 calc(-1 * var(--space-3));
    padding: 3px var(--space-3);
    overflow-x: auto;
  }
  .type-list li { flex: none; }
  .type { padding: 0 var(--space-3); border-color: var(--line-strong); }
  .type-text { display: none; }
  #job-form { padding-inline: 0; }
  #job-form, .option-fields { grid-template-columns: minmax(0, 1fr); }
}

"""#),
("css/header.css", #"""
#header {
  display: flex;
  align-items: center;
  gap: var(--space-3);
  min-height: 64px;
  padding: var(--space-2) var(--space-4);
}

.brand {
  display: inline-flex;
  align-items: center;
  gap: var(--space-2);
  min-height: var(--target);
  color: var(--text);
  font-size: 1.125rem;
  font-weight: 700;
  letter-spacing: -0.02em;
  text-decoration: none;
}
.logo {
  width: 30px;
  height: 30px;
  fill: var(--accent);
}

#connection {
  display: inline-flex;
  align-items: center;
  gap: var(--space-2);
  padding: 3px 10px 3px 8px;
  border-radius: 99px;
  background: var(--grey-soft);
  color: var(--text-quiet);
  font-size: var(--text-small);
  font-weight: 500;
}
.connection-dot {
  width: 8px;
  height: 8px;
  border-radius: 50%;
  background: currentcolor;
}
.connection-retry { font-weight: 400; }
#connection[data-state="open"] { background: var(--green-soft); color: var(--green); }
#connection[data-state="reconnecting"], #connection[data-state="stopped"] {
  background: var(--amber-soft);
  color: var(--amber);
}
#connection[data-state="open"] .connection-dot { animation: breathe 2.4s ease-in-out infinite; }
#connection[data-state="reconnecting"] .connection-dot {
  animation: breathe 0.8s ease-in-out infinite;
}

@keyframes breathe {
  50% { opacity: 0.35; }
}

.header-buttons {
  display: flex;
  align-items: center;
  gap: var(--space-1);
  margin-left: auto;
}
.header-buttons .primary { margin-left: var(--space-2); }
.owner {
  color: var(--text-quiet);
  font-size: var(--text-small);
  max-width: 16ch;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

@media (max-width: 520px) {
  #header {
    gap: var(--space-2);
    padding: var(--space-2) var(--space-3);
    min-height: 56px;
    flex-wrap: wrap;
  }
  #new-job { padding: 0 10px; }
  .brand > span { display: none; }
  #open-shortcuts { display: none; }
}

"""#),
("css/layout.css", #"""
/* Where the parts stand. Narrow: one column, the page scrolls. Wide: columns that scroll for themselves. */
body {
  display: flex;
  flex-direction: column;
  min-height: 100dvh;
}

#main {
  display: grid;
  grid-template-columns: minmax(0, 1fr);
  gap: var(--space-3);
  padding: var(--space-3);
}

#overview, #compose, #jobs, #dead-letters, #workers, #detail {
  min-width: 0;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--surface);
  box-shadow: var(--shadow);
}

@media (max-width: 859px) {
  #detail {
    position: fixed;
    inset: 0;
    z-index: 10;
    border: 0;
    border-radius: 0;
    overflow: auto;
    overscroll-behavior: contain;
  }
  body[data-detail="open"] { overflow: hidden; }
}

@media (min-width: 860px) {
  body { height: max(100dvh, 620px); }
  #main {
    flex: 1;
    min-height: 0;
    grid-template-columns: 256px minmax(0, 1fr);
    grid-template-rows: auto minmax(0, 1fr);
    grid-template-areas: "compose overview" "compose jobs";
    gap: var(--space-4);
    padding: 0 var(--space-4) var(--space-4);
  }
  #overview { grid-area: overview; }
  #compose { grid-area: compose; overflow: auto; }
  #jobs, #dead-letters, #workers {
    grid-area: jobs;
    display: flex;
    flex-direction: column;
    min-height: 0;
    overflow: hidden;
  }
  #compose[hidden] ~ :is(#jobs, #dead-letters, #workers),
  #main:has(> #compose[hidden]) > #overview { grid-column: 1 / span 2; }
  #detail {
    position: fixed;
    inset: 64px var(--space-4) var(--space-4) auto;
    width: 420px;
    z-index: 5;
    overflow: auto;
    box-shadow: var(--shadow-high);
    animation: slide-in var(--calm) ease-out;
  }
}

@media (min-width: 1260px) {
  body[data-detail="open"] #main {
    grid-template-columns: 256px minmax(0, 1fr) 384px;
    grid-template-areas: "compose overview detail" "compose jobs detail";
  }
  #detail {
    position: static;
    grid-area: detail;
    width: auto;
    box-shadow: var(--shadow);
  }
}

@media (min-width: 1500px) {
  #main { grid-template-columns: 288px minmax(0, 1fr); }
  body[data-detail="open"] #main { grid-template-columns: 288px minmax(0, 1fr) 460px; }
}

@keyframes slide-in {
  from { opacity: 0; transform: translateX(12px); }
}

"""#),
("css/notices.css", #"""
#notices {
  position: fixed;
  right: var(--space-4);
  bottom: var(--space-4);
  z-index: 15;
  display: grid;
  gap: var(--space-2);
  width: min(400px, calc(100vw - 32px));
  pointer-events: none;
}
.notice {
  display: flex;
  align-items: center;
  gap: var(--space-2);
  padding: var(--space-1) var(--space-1) var(--space-1) var(--space-3);
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--raised);
  box-shadow: var(--shadow-high);
  pointer-events: auto;
  animation: rise var(--calm) ease-out;
}
.notice p {
  flex: 1;
  min-width: 0;
  padding: 6px 0;
  overflow-wrap: anywhere;
}
.notice[data-kind="error"] { border-color: color-mix(in srgb, var(--red) 45%, transparent); }
.notice .icon-button.small { margin: 0; }

@media (min-width: 860px) {
  #notices {
    top: var(--space-3);
    right: auto;
    bottom: auto;
    left: 50%;
    transform: translateX(-50%);
  }
}

"""#),
("css/output.css", #"""
.detail-part {
  display: grid;
  grid-template-columns: minmax(0, 1fr);
  gap: var(--space-4);
}
.detail-part:empty { display: none; }

.output {
  max-height: min(420px, 60dvh);
  padding: var(--space-2) var(--space-3);
  overflow: auto;
  overscroll-behavior: contain;
  border: 1px solid var(--line);
  border-radius: var(--radius-small);
  background: var(--sunken);
  font-family: var(--mono);
  font-size: var(--text-small);
  line-height: 1.5;
}
.output-attempt {
  margin: var(--space-2) 0 2px;
  color: var(--text-quiet);
  font: 600 var(--text-small) / 1.5 var(--font);
}
.output-lines:first-child > .output-attempt:first-child { margin-top: 0; }
.line {
  min-height: 1.5em;
  overflow-wrap: anywhere;
  white-space: pre-wrap;
  tab-size: 4;
}
.line-text { unicode-bidi: plaintext; }
.line-mark { font-weight: 700; user-select: none; }
.line[data-stream="stderr"] {
  padding-left: 6px;
  border-left: 2px solid var(--red);
}
.line[data-stream="stderr"] .line-mark { color: var(--red); }
.line[data-stream="event"] .line-mark { color: var(--blue); }
.line[data-stream="notice"] { color: var(--text-quiet); font-style: italic; }
#output-follow { justify-self: start; border-color: var(--line); font-size: var(--text-small); }

.chain { display: grid; gap: 2px; }
.chain p {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px;
  color: var(--text-quiet);
}
.chain a { overflow-wrap: anywhere; line-height: 24px; }

details.attempt-error summary { min-height: 24px; cursor: pointer; overflow-wrap: anywhere; }
details.attempt-error pre {
  max-height: 240px;
  margin-top: var(--space-1);
  padding: var(--space-2);
  overflow: auto;
  border-radius: var(--radius-small);
  background: var(--sunken);
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}
p.attempt-error { white-space: pre-wrap; }

"""#),
("css/queue.css", #"""
#jobs { container: jobs / inline-size; }
#filter-bar {
  display: flex;
  flex-wrap: wrap;
  gap: var(--space-2);
  padding: var(--space-3) var(--space-3) 0;
}
.filter-line {
  display: flex;
  flex: 1 1 280px;
  gap: var(--space-2);
}
.search-box {
  position: relative;
  flex: 1;
  min-width: 120px;
}
.search-box .icon {
  position: absolute;
  left: 10px;
  top: 50%;
  transform: translateY(-50%);
  color: var(--text-quiet);
  pointer-events: none;
}
.search-box input { padding-left: 32px; padding-right: 32px; }
.search-box kbd {
  position: absolute;
  right: 8px;
  top: 50%;
  transform: translateY(-50%);
  pointer-events: none;
}
.search-box input:focus ~ kbd, .search-box input:not(:placeholder-shown) ~ kbd { display: none; }
#filter-type { width: auto; max-width: 18ch; }

#filters {
  display: flex;
  flex-wrap: wrap;
  gap: 2px;
  padding: 2px;
  border-radius: calc(var(--radius-small) + 2px);
  background: var(--sunken);
}
.filter {
  min-height: max(32px, calc(var(--target) - 4px));
  padding: 0 9px;
  border-color: transparent;
  background: transparent;
  color: var(--text-quiet);
}
.filter:hover {
  border-color: transparent;
  background: var(--hover);
  color: var(--text);
}
.filter[aria-pressed="true"] {
  border-color: var(--line);
  background: var(--raised);
  color: var(--text);
  box-shadow: var(--shadow);
}
.count {
  color: var(--text-quiet);
  font-size: var(--text-small);
  font-weight: 450;
}

#queue-bar {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: var(--space-1) var(--space-2);
  min-height: calc(var(--target) + 8px);
  padding: var(--space-1) var(--space-3);
  border-bottom: 1px solid var(--line);
}
#queue-count {
  color: var(--text-quiet);
  font-size: var(--text-small);
  padding-left: var(--space-1);
}
.queue-actions {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: var(--space-1);
  margin-left: auto;
}
.queue-actions button, #clear-filter { font-size: var(--text-small); padding: 0 var(--space-2); }
.bulk { color: var(--text-quiet); font-size: var(--text-small); }

#queue {
  --row-height: 60px;
  --heading-height: 34px;
  container: list / inline-size;
}
#queue-rows { position: relative; }
.row, .group-heading {
  position: absolute;
  top: 0;
  left: 0;
  right: 0;
}
.group-heading {
  display: flex;
  align-items: flex-end;
  height: var(--heading-height);
  padding: 0 var(--space-4) 5px;
  color: var(--text-quiet);
  font-size: var(--text-small);
  font-weight: 600;
}
.group-heading .count { margin-left: 4px; }

.row {
  display: grid;
  grid-template-columns: 112px minmax(0, 1fr) 92px;
  align-items: center;
  gap: var(--space-3);
  height: var(--row-height);
  padding: 0 var(--space-4);
  border-bottom: 1px solid var(--line);
  cursor: pointer;
}
.row:hover { background: var(--hover); }
.row:focus-visible { outline-offset: -2px; }
.row[aria-selected="true"] {
  background: var(--accent-soft);
  box-shadow: inset 3px 0 var(--accent);
}
.row-main { min-width: 0; }
.row-first, .row-second {
  display: flex;
  align-items: center;
  gap: var(--space-2);
  min-width: 0;
  white-space: nowrap;
}
.row-first { height: 22px; }
.row-second {
  height: 20px;
  color: var(--text-quiet);
  font-size: 0.8125rem;
}
.row-type {
  flex: 0 1 auto;
  min-width: 0;
  overflow: hidden;
  font-weight: 600;
  text-overflow: ellipsis;
  unicode-bidi: isolate;
}
.row-id {
  flex: 0 10 auto;
  min-width: 0;
  overflow: hidden;
  color: var(--text-quiet);
  font-size: var(--text-small);
  text-overflow: ellipsis;
}
.row-first .chip { flex: 0 1 auto; min-width: 4ch; }
.row-note {
  overflow: hidden;
  min-width: 0;
  text-overflow: ellipsis;
  unicode-bidi: isolate;
}
.row-note[data-kind="error"] { color: var(--red); }
[data-status="retrying"] .row-note[data-kind="error"] { color: var(--text-quiet); }
.row-lead + .row-note:not(:empty)::before { content: "· "; }
.row-lead {
  flex: none;
  color: var(--status);
  font-weight: 500;
}
.row-second .progress { flex: 0 0 clamp(72px, 30%, 220px); }
.row-percent {
  flex: none;
  min-width: 4.5ch;
  color: var(--text);
  font-weight: 500;
  text-align: right;
}
/* Many jobs report no progress at all. */
.row-percent:empty { display: none; }
.row-times {
  display: flex;
  flex-direction: column;
  align-items: flex-end;
  font-size: 0.8125rem;
  white-space: nowrap;
}
.row-took { line-height: 22px; font-weight: 500; }
.row-when {
  color: var(--text-quiet);
  font-size: var(--text-small);
  line-height: 20px;
}

/* The press that is at hand while the pointer is on the row. */
.row-times { position: relative; }
.row-act {
  position: absolute;
  right: calc(100% + var(--space-1));
  top: 50%;
  background: var(--hover);
  opacity: 0;
  transform: translateY(-50%);
  transition: opacity var(--quick);
}
.row-act:active { transform: translateY(-50%); }
.row:hover .row-act { opacity: 1; }
.row-act:hover { background: var(--line); }
[aria-selected="true"] .row-act { background: var(--accent-soft); }
@media (hover: none) {
  .row-act { display: none; }
}

#empty {
  display: flex;
  flex-direction: column;
  align-items: center;
  gap: var(--space-3);
  padding: var(--space-6) var(--space-4);
  color: var(--text-quiet);
  text-align: center;
}
#empty h3 { color: var(--text); font-size: var(--text-large); }
#empty pre {
  max-width: 100%;
  padding: var(--space-2) var(--space-3);
  overflow-wrap: anywhere;
  white-space: pre-wrap;
  border-radius: var(--radius-small);
  background: var(--sunken);
  color: var(--text);
}

@media (min-width: 860px) {
  #queue {
    flex: 1;
    min-height: 120px;
    overflow: hidden auto;
    overscroll-behavior: contain;
  }
}

@container jobs (max-width: 639px) {
  .filter { gap: 4px; padding: 0 5px; }
}

@container list (max-width: 519px) {
  .row {
    grid-template-columns: minmax(0, 1fr) auto;
    gap: 2px var(--space-2);
    align-content: center;
    padding: 0 var(--space-3);
  }
  .row-status { font-size: var(--text-small); }
  .row-status .glyph { width: 14px; height: 14px; }
  .row-times {
    grid-area: 1 / 2;
    flex-direction: row;
    align-items: center;
    gap: var(--space-2);
    font-size: var(--text-small);
  }
  .row-took, .row-when { line-height: 18px; }
  .row-main { grid-area: 2 / 1 / 3 / 3; }
  .group-heading { padding-inline: var(--space-3); }
}
@container jobs (max-width: 519px) {
  #queue { --row-height: 80px; }
  .queue-actions { width: 100%; margin-left: 0; }
}
@media (max-width: 859px) {
  #filters {
    display: grid;
    flex: 1 1 100%;
    grid-template-columns: repeat(3, 1fr);
  }
  .filter { gap: 4px; padding: 0 4px; }
}

"""#),
("css/stats.css", #"""
#stats { container-type: inline-size; }
.stat-list {
  display: grid;
  grid-template-columns: repeat(10, minmax(0, 1fr));
  padding: var(--space-3) var(--space-2) 0;
}
.stat {
  display: flex;
  flex-direction: column;
  gap: 2px;
  min-width: 0;
  padding: var(--space-1) var(--space-2);
}
.stat dt {
  display: flex;
  align-items: center;
  gap: 5px;
  color: var(--text-quiet);
  font-size: var(--text-small);
  white-space: nowrap;
}
.stat dt .glyph { width: 13px; height: 13px; }
.stat dt .glyph-turn { animation: none; }
.stat dd {
  overflow: hidden;
  font-size: var(--text-figure);
  font-weight: 600;
  letter-spacing: -0.01em;
  line-height: 1.2;
  text-overflow: ellipsis;
  white-space: nowrap;
}
/* As high as the others, so that the line stays. */
.stat dd[data-long] { font-size: 1rem; line-height: calc(var(--text-figure) * 1.2); }
.stat dd[data-long="very"] { font-size: 0.8125rem; }
.stat[data-zero] dd { color: var(--text-quiet); font-weight: 450; }
.stat[data-status="failed"]:not([data-zero]) dd { color: var(--red); }
.stat[data-status="running"]:not([data-zero]) dd { color: var(--blue); }
.stat[data-status="retrying"]:not([data-zero]) dd { color: var(--amber); }
.slots {
  display: inline-flex;
  gap: 2px;
  margin-left: auto;
}
.slots span {
  width: 6px;
  height: 10px;
  border-radius: 2px;
  background: var(--grey-soft);
  box-shadow: inset 0 0 0 1px var(--line-strong);
}
.slots [data-busy] { background: var(--blue); box-shadow: none; }

@container (max-width: 1039px) {
  .stat-list { grid-template-columns: repeat(5, minmax(0, 1fr)); row-gap: var(--space-1); }
}
@container (max-width: 519px) {
  .stat-list {
    grid-template-columns: repeat(4, minmax(0, 1fr));
    padding: var(--space-2) var(--space-1) 0;
  }
  /* Two figures: 1,024/4,096 must be readable whole. */
  .stat:last-child { grid-column: span 2; }
  .stat { padding: 3px 6px; }
  .stat dt { font-size: 0.6875rem; }
  .stat dt .glyph { display: none; }
  .stat dd { font-size: 1rem; }
  .stat dd[data-long] { font-size: 0.8125rem; line-height: 1.2rem; }
  .stat dd[data-long="very"] { font-size: 0.75rem; }
  .slots { display: none; }
}

"""#),
("css/status.css", #"""
/* A status is glyph, word and colour, never colour alone. */
[data-status="running"] { --status: var(--blue); --status-soft: var(--blue-soft); }
[data-status="completed"] { --status: var(--green); --status-soft: var(--green-soft); }
[data-status="failed"] { --status: var(--red); --status-soft: var(--red-soft); }
[data-status="retrying"] { --status: var(--amber); --status-soft: var(--amber-soft); }
[data-status="pending"],
[data-status="scheduled"],
[data-status="blocked"],
[data-status="cancelled"] {
  --status: var(--grey);
  --status-soft: var(--grey-soft);
}

.status {
  display: inline-flex;
  align-items: center;
  gap: 6px;
  color: var(--status);
  font-weight: 500;
  white-space: nowrap;
}

.glyph {
  width: 16px;
  height: 16px;
  flex: none;
  fill: none;
  stroke: var(--status, currentcolor);
  stroke-width: 1.6;
  stroke-linecap: round;
  stroke-linejoin: round;
}
.glyph-fill { fill: var(--status); stroke: none; }
.glyph-mark { stroke: var(--surface); stroke-width: 1.8; }
.glyph-track { opacity: 0.3; }
.glyph-turn { transform-origin: 8px 8px; animation: turn 1.1s linear infinite; }

@keyframes turn {
  to { transform: rotate(360deg); }
}

.progress {
  position: relative;
  height: 6px;
  min-width: 48px;
  overflow: hidden;
  border-radius: 3px;
  background: var(--status-soft, var(--blue-soft));
  box-shadow: inset 0 0 0 1px color-mix(in srgb, var(--status, var(--blue)) 22%, transparent);
}
.progress-fill {
  height: 100%;
  background: var(--status, var(--blue));
  transform-origin: left;
  transition: transform var(--calm) ease-out;
}
.progress[data-unknown]::after {
  content: "";
  position: absolute;
  inset: 0;
  width: 35%;
  border-radius: 3px;
  background: var(--status);
  opacity: 0.5;
  animation: pass 1.6s ease-in-out infinite;
}

@keyframes pass {
  from { transform: translateX(-110%); }
  to { transform: translateX(310%); }
}

"""#),
("css/tokens.css", #"""
/* All colours, sizes and times of the page. `light-dark()` gives both themes at one place; the switch sets
   `data-theme`, without it the system decides. */
:root {
  color-scheme: light dark;

  --ground: light-dark(#f6f6f8, #101116);
  --surface: light-dark(#ffffff, #17181f);
  --raised: light-dark(#ffffff, #1d1f27);
  --sunken: light-dark(#f0f0f4, #121319);
  --hover: light-dark(#f5f5f9, #1d1f28);
  --line: light-dark(#e4e4ea, #292b35);
  --line-strong: light-dark(#c9c9d3, #3d404d);
  --line-field: light-dark(#8b8c99, #6d7080);

  --text: light-dark(#1a1b22, #ececf2);
  --text-quiet: light-dark(#5b5d6b, #a3a6b4);

  --accent: light-dark(#5347ce, #a9a1ff);
  --accent-strong: light-dark(#4338b5, #beb8ff);
  --accent-soft: light-dark(#efedfc, #26243f);
  --on-accent: light-dark(#ffffff, #14131f);

  --grey: light-dark(#5b5d6b, #a3a6b4);
  --grey-soft: light-dark(#ededf2, #24262f);
  --blue: light-dark(#1a5fc4, #7fb2ff);
  --blue-soft: light-dark(#e6effc, #17263f);
  --green: light-dark(#17713f, #5fd093);
  --green-soft: light-dark(#e3f4ea, #132d20);
  --red: light-dark(#b3262b, #ff938d);
  --red-soft: light-dark(#fdebea, #391b1d);
  --amber: light-dark(#8a5300, #f2b950);
  --amber-soft: light-dark(#fdf1dc, #33260f);

  --shadow: 0 1px 2px light-dark(rgb(20 20 40 / 6%), rgb(0 0 0 / 30%));
  --shadow-high:
    0 8px 32px light-dark(rgb(20 20 50 / 16%), rgb(0 0 0 / 55%)),
    0 1px 3px light-dark(rgb(20 20 50 / 12%), rgb(0 0 0 / 50%));

  --font:
    system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif;
  --mono: ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
  --text-small: 0.75rem;
  --text-body: 0.875rem;
  --text-large: 1.125rem;
  --text-figure: 1.375rem;

  --space-1: 4px;
  --space-2: 8px;
  --space-3: 12px;
  --space-4: 16px;
  --space-5: 24px;
  --space-6: 32px;

  --radius: 10px;
  --radius-small: 6px;
  --target: 32px;
  --quick: 120ms;
  --calm: 220ms;
}

:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }

@media (pointer: coarse) {
  :root { --target: 44px; }
}

@media (prefers-reduced-motion: reduce) {
  :root { --quick: 0ms; --calm: 0ms; }
}

"""#),
("css/workers.css", #"""
#worker-count-form {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: var(--space-2) var(--space-3);
  padding: var(--space-2) var(--space-4) var(--space-3);
  border-bottom: 1px solid var(--line);
}
#worker-count-form label { font-weight: 500; }
#worker-count-form .fault { flex-basis: 100%; }
.stepper { display: flex; gap: var(--space-1); }
.stepper .icon-button { border-color: var(--line-strong); }
.stepper input { width: 72px; text-align: center; appearance: textfield; }
.stepper input::-webkit-inner-spin-button { appearance: none; }

.worker {
  display: grid;
  gap: 2px;
  padding: var(--space-3) 0;
  border-bottom: 1px solid var(--line);
}
.worker-line {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 2px var(--space-3);
  min-width: 0;
}
.worker-place { font-weight: 600; overflow-wrap: anywhere; }
.worker-slots, .worker-took { margin-left: auto; white-space: nowrap; }
.worker-took { color: var(--text-quiet); font-size: 0.8125rem; }
.worker-facts { color: var(--text-quiet); font-size: var(--text-small); overflow-wrap: anywhere; }
.worker-facts code { font-size: var(--text-small); }
.worker-jobs {
  display: grid;
  gap: var(--space-2);
  margin-top: var(--space-2);
  padding-left: var(--space-3);
  border-left: 2px solid var(--line);
}
.worker-job { display: grid; gap: 2px; min-width: 0; }

@media (max-width: 519px) {
  #worker-count-form { padding-inline: var(--space-3); }
}
.worker-abandoned { color: var(--red); }

"""#),
("favicon.svg", #"""
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#5b50d6" d="M1.5 9.2C8.300 9 13.200 11.200 16.300 15.100 18.600 9.600 23.400 5 30.500 3.200 26.600 6.900 23.600 11.300 21.800 16.400c2.200.7 4.100 2 5.400 4-2.600-.6-5-.5-7.200.3-2.500 2.300-5.600 4.900-9.900 7.900 1-2.500 1.600-4.700 1.900-6.600-1.800.7-4 1.200-6.700 1.500 2.900-1.300 5.200-2.900 7-4.900C10.200 14.600 6.600 11.400 1.500 9.200z"/></svg>

"""#),
("index.html", #"""
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Stint</title>
  <link rel="icon" href="/favicon.svg" type="image/svg+xml">
  <script src="/js/theme-first.js"></script>
  <link rel="stylesheet" href="/css/tokens.css">
  <link rel="stylesheet" href="/css/base.css">
  <link rel="stylesheet" href="/css/layout.css">
  <link rel="stylesheet" href="/css/header.css">
  <link rel="stylesheet" href="/css/status.css">
  <link rel="stylesheet" href="/css/stats.css">
  <link rel="stylesheet" href="/css/chart.css">
  <link rel="stylesheet" href="/css/form.css">
  <link rel="stylesheet" href="/css/queue.css">
  <link rel="stylesheet" href="/css/detail.css">
  <link rel="stylesheet" href="/css/output.css">
  <link rel="stylesheet" href="/css/dead-letters.css">
  <link rel="stylesheet" href="/css/workers.css">
  <link rel="stylesheet" href="/css/dialogs.css">
  <link rel="stylesheet" href="/css/notices.css">
  <script type="module" src="/js/app.js"></script>
</head>
<body>
  <a id="skip" href="#jobs">Skip to the queue</a>
  <header id="header"></header>
  <main id="main">
    <h1 class="visually-hidden">Job queue</h1>
    <section id="overview" aria-labelledby="overview-title">
      <h2 class="visually-hidden" id="overview-title">Now</h2>
      <div id="stats"></div>
      <div id="chart"></div>
    </section>
    <section id="compose" aria-labelledby="compose-title">
      <h2 id="compose-title">Job types</h2>
      <div id="job-types"></div>
      <div id="job-form-place"></div>
    </section>
    <section id="jobs" aria-labelledby="jobs-title">
      <h2 class="visually-hidden" id="jobs-title">Queue</h2>
      <div id="filter-bar" role="search" aria-label="Jobs"></div>
      <div id="queue-bar"></div>
      <div id="queue" role="grid" aria-label="Jobs" aria-colcount="3" hidden><div id="queue-rows" role="rowgroup"></div></div>
      <div id="empty"></div>
    </section>
    <section id="dead-letters" aria-labelledby="dead-title" hidden></section>
    <section id="workers" aria-labelledby="workers-title" hidden></section>
    <section id="detail" aria-label="Chosen job" hidden></section>
  </main>
  <div id="notices" role="log" aria-live="polite" aria-label="Notices"></div>
  <dialog id="shortcuts" aria-labelledby="shortcuts-title"></dialog>
  <dialog id="confirm" aria-labelledby="confirm-title" aria-describedby="confirm-text"></dialog>
  <dialog id="sign-in" aria-labelledby="sign-in-title"></dialog>
  <noscript><p class="no-script">This page needs JavaScript. Without it: <code>stint list</code>, <code>stint show</code>.</p></noscript>
</body>
</html>

"""#),
("js/actions.js", #"""
// What a person can do. Each action asks the server and says what came of it; the views call nothing else.

import { curlCommand, hidesSecrets, stintCommand } from './text/command-line.js';
import { OPTION_FIELDS, faultsByField, readOptions, readParams } from './state/params.js';
import { detailJob, retryTarget } from './state/detail.js';
import { cancellable, filterCounts, inStatus } from './state/filter.js';
import { canCancel, isOver } from './state/job.js';
import { applyTheme, themeAfter } from './theme.js';
import { countText, plural } from './text/number.js';
import { shortId } from './text/plain.js';

const noticeSeconds = { done: 5, info: 5, error: 12 };
const cancelsAtOnce = 8;

/** What cancelling so many jobs will do. */
function cancelWords(waiting, running) {
  if (running === 0) return waiting === 1 ? 'It will not start.' : 'They will not start.';
  if (waiting > 0) {
    return `${countText(waiting)} waiting will not start, ${countText(running)} running will be asked to stop. `
      + 'None is retried.';
  }
  return running === 1 ? 'It is asked to stop and is not retried.' : 'They are asked to stop and are not retried.';
}

/** What came of cancelling many jobs: of `stopped` and of those that needed no cancel any more. */
export function cancelledWords(stopped, ended) {
  if (ended === 0) return `${plural(stopped, 'job')} cancelled or asked to stop`;
  const first = stopped === 0 ? 'No job cancelled' : `${countText(stopped)} cancelled or asked to stop`;
  return `${first}, ${countText(ended)} had ended already`;
}

export function createActions({ store, api, socket, focus, navigate, onSignedIn }) {
  let noticeCount = 0;
  const busyJobs = new Set();

  function notice(kind, text, jobID = null) {
    noticeCount += 1;
    const id = noticeCount;
    store.dispatch({ type: 'notice_shown', notice: { id, kind, text, jobID } });
    setTimeout(() => store.dispatch({ type: 'notice_gone', id }), noticeSeconds[kind] * 1000);
  }

  /** Does `work`; what the server refuses is said in its own words. */
  async function attempt(work) {
    try {
      return await work();
    } catch (error) {
      if (error.code !== 401) notice('error', error.message);
      return undefined;
    }
  }

  const canWrite = () => !store.state.session?.read_only;

  function openForm(jobType) {
    store.dispatch({ type: 'form_opened', jobType });
    focus.formField();
  }

  function readForm(type, form) {
    const fields = {};
    const options = {};
    for (const element of form.elements) {
      if (!element.name) continue;
      const value = element.type === 'checkbox' ? element.checked : element.value;
      const text = element.validity?.badInput ? 'not a number' : value;
      if (element.name.startsWith('option:')) options[element.name.slice(7)] = text;
      else fields[element.name] = text;
    }
    const names = type.params.map(({ name }) => name);
    const params = readParams(type, fields);
    const rest = readOptions(options);
    const faults = { ...params.faults };
    for (const [name, fault] of Object.entries(rest.faults)) faults[names.includes(name) ? `option-${name}`
      : name] = fault;
    return { submission: { type: type.name, params: params.params, ...rest.options }, faults, names };
  }

  async function submitJob(type, form) {
    if (store.state.form.busy) return;
    const { submission, faults, names } = readForm(type, form);
    if (Object.keys(faults).length > 0) {
      store.dispatch({ type: 'form_refused', faults });
      focus.firstFault();
      return;
    }
    store.dispatch({ type: 'form_sending' });
    const asked = store.state.clock;
    const { round } = store.state.form;
    const isStillOpen = () => store.state.form.round === round;
    try {
      const job = await api.submit(submission);
      store.dispatch({ type: 'form_accepted', round });
      store.dispatch({ type: 'job_read', job, asked });
      const isOpen = isStillOpen() && focus.newJob(job.id);
      notice('done', `${job.type} ${shortId(job.id)} submitted`, isOpen ? null : job.id);
    } catch (error) {
      if (!isStillOpen()) {
        if (error.code !== 401) notice('error', `The ${type.name} job was not submitted: ${error.message}`);
        return;
      }
      const { faults: found, rest } = faultsByField(error.details, [...names, ...OPTION_FIELDS]);
      const message = Object.keys(found).length === 0 ? error.message : rest.join('; ');
      store.dispatch({ type: 'form_refused', faults: found, message, round });
      focus.firstFault();
    }
  }

  /** Checks one field again once it was said to be wrong, with each change of it. */
  function checkField(type, name) {
    const form = document.getElementById('job-form');
    if (!form || !store.state.form.faults[name]) return;
    const { faults } = readForm(type, form);
    const left = { ...store.state.form.faults };
    if (faults[name]) left[name] = faults[name];
    else delete left[name];
    store.dispatch({ type: 'form_refused', faults: left, message: store.state.form.message });
  }

  /** One act of a kind on one job at a time. */
  async function once(act, id, work) {
    const key = `${act} ${id}`;
    if (!canWrite() || busyJobs.has(key)) return;
    busyJobs.add(key);
    await attempt(work);
    busyJobs.delete(key);
  }

  const reread = async (id) => {
    const asked = store.state.clock;
    store.dispatch({ type: 'job_read', job: await api.job(id), asked });
  };

  const cancelJob = (id) => once('cancel', id, async () => {
    await api.cancel(id);
    await reread(id);
    const job = store.state.collection.jobs.get({ id });
    notice('done', job && !isOver(job.status) ? `${shortId(id)} was asked to stop` : `${shortId(id)} is cancelled`);
  });

  const retryJob = (id) => once('retry', id, async () => {
    const asked = store.state.clock;
    const job = await api.retry(id);
    store.dispatch({ type: 'job_read', job, asked });
    // Of one that was taken over, the last of its chain runs again.
    if (job.id === id) notice('done', `${shortId(id)} is back in the queue`);
    else notice('done', `${job.type} ${shortId(job.id)}, which took over, is back in the queue`, job.id);
  });

  /** The job that keys act on: the open one, else the one with the keyboard. */
  const chosen = (activeID) => {
    const { selected, collection } = store.state;
    return selected ? detailJob(store.state) : activeID ? collection.jobs.get({ id: activeID }) : undefined;
  };

  function cancelShown() {
    const { collection } = store.state;
    const count = cancellable(store.state.collection);
    const running = filterCounts(collection.matching).running;
    const stops = collection.filter.status === 'waiting' ? 0 : running;
    const ids = [];
    const text = cancelWords(count - stops, stops);
    collection.shown.each((key) => {
      const job = collection.jobs.get(key);
      if (job && !isOver(job.status) && inStatus(collection.filter, job.status)) ids.push(job.id);
    });
    const question = { title: `Cancel ${plural(ids.length, 'job')}?`, text, yes: `Cancel ${plural(ids.length, 'job')}`,
      no: ids.length === 1 ? 'Keep it' : 'Keep them', act: () => cancelMany(ids) };
    store.dispatch({ type: 'dialog_opened', dialog: { question } });
  }

  async function cancelMany(ids) {
    const total = ids.length;
    const left = [...ids].reverse();
    const refusals = new Map();
    let stopped = 0;
    let ended = 0;
    let done = 0;
    let told = 0;
    const tell = () => {
      told = Date.now();
      store.dispatch({ type: 'bulk', bulk: { label: 'Cancelling', done, total } });
    };
    tell();
    const lane = async () => {
      while (left.length > 0) {
        try {
          await api.cancel(left.pop());
          stopped += 1;
        } catch (error) {
          // One that ended or was removed meanwhile needs no cancel.
          if (error.code === 409 || error.code === 404) ended += 1;
          else refusals.set(error.message, (refusals.get(error.message) ?? 0) + 1);
          if (error.code === 401 || error.code === 403) left.length = 0;
        }
        done += 1;
        if (Date.now() - told > 150) tell();
      }
    };
    await Promise.all(Array.from({ length: Math.min(cancelsAtOnce, total) }, lane));
    store.dispatch({ type: 'bulk', bulk: null });
    if (stopped + ended > 0) notice('done', cancelledWords(stopped, ended));
    for (const [message, count] of refusals) notice('error', `${plural(count, 'job')} not cancelled: ${message}`);
  }

  const clearCompleted = () => attempt(async () => {
    const { removed } = await api.clearCompleted();
    notice('done', `${plural(removed, 'completed job')} removed`);
    socket.send({ type: 'get_state' });
  });

  async function copy(text, words) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      if (!copyBySelection(text)) {
        notice('error', 'The browser did not allow copying.');
        return;
      }
    }
    notice('info', words);
  }

  const copyCommand = (job, kind) => attempt(async () => {
    const whole = job.params === undefined || job.truncated ? await api.job(job.id) : job;
    const options = { origin: location.origin, tokenRequired: store.state.session?.token_required };
    const command = kind === 'curl' ? curlCommand(whole, options) : stintCommand(whole, options);
    await copy(command, hidesSecrets(whole.params)
      ? `${kind} command copied. The command holds *** for secret params: put the real ones in.`
      : `${kind} command copied`);
  });

  async function signIn(input) {
    const token = input.value.trim();
    if (token === '') {
      store.dispatch({ type: 'sign_in', signIn: { busy: false, fault: 'is required' } });
      return;
    }
    store.dispatch({ type: 'sign_in', signIn: { busy: true, fault: null } });
    try {
      const session = await api.signIn(token);
      input.value = '';
      store.dispatch({ type: 'sign_in', signIn: { busy: false, fault: null } });
      store.dispatch({ type: 'session_read', session });
      onSignedIn();
    } catch (error) {
      store.dispatch({ type: 'sign_in', signIn: { busy: false, fault: error.message } });
      input.select();
    }
  }

  return {
    openForm,
    closeForm() {
      const { type } = store.state.form;
      store.dispatch({ type: 'form_closed' });
      if (type) focus.jobType(type);
    },
    newJob() {
      const { types, form } = store.state;
      if (!canWrite() || !types?.length) return;
      if (form.type) focus.formField();
      else openForm(types[0].name);
    },
    submitJob,
    checkField,
    openJob: (id, options) => navigate({ selected: id }, { push: true, ...options }),
    closeJob() {
      const id = store.state.selected;
      navigate({ selected: null }, { push: true });
      focus.row(id);
    },
    filter: (filter, options) => navigate({ filter }, options),
    cancelJob,
    retryJob,
    cancelChosen(activeID) {
      const job = chosen(activeID);
      if (canCancel(job)) cancelJob(job.id);
    },
    retryChosen(activeID) {
      const job = chosen(activeID);
      if (retryTarget(job, store.state)) retryJob(job.id);
    },
    cancelShown,
    clearCompleted,
    copy,
    copyCommand,
    openDialog: (dialog) => store.dispatch({ type: 'dialog_opened', dialog }),
    closeDialog: () => store.dispatch({ type: 'dialog_closed' }),
    dismiss: (id) => store.dispatch({ type: 'notice_gone', id }),
    nextTheme() {
      const theme = themeAfter(store.state.theme);
      applyTheme(theme);
      store.dispatch({ type: 'theme_chosen', theme });
    },
    signIn,
    signOut: () => attempt(async () => {
      await api.signOut();
      location.reload();
    }),
    notice,
    attempt,
  };
}

/** Copies where the clipboard's interface is missing (a page over plain HTTP from another machine). */
function copyBySelection(text) {
  const before = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  before?.focus?.({ preventScroll: true });
  return copied;
}

"""#),
("js/app.js", #"""
// Puts the page together: the state, what feeds it, and the views that draw it.
//
//   live/socket.js ─┐
//   live/api.js ────┼─▶ store.dispatch(event) ─▶ state/reducer.js ─▶ draw() ─▶ views/*.js
//   actions.js ─────┘

import { createActions } from './actions.js';
import { createDeadActions } from './dead-actions.js';
import { createWorkerActions } from './worker-actions.js';
import { createAPI } from './live/api.js';
import { createDeadLetters } from './live/dead-letters.js';
import { createDetails } from './live/details.js';
import { createPages } from './live/pages.js';
import { createRereads } from './live/rereads.js';
import { createSocket } from './live/socket.js';
import { createWorkers } from './live/workers.js';
import { listenToKeys } from './keyboard.js';
import { render } from './render/element.js';
import { hashOf, parseRoute } from './route.js';
import { countText } from './text/number.js';
import { createStore } from './state/store.js';
import { initialState, reduce } from './state/reducer.js';
import { storedTheme } from './theme.js';
import { chartView } from './views/chart.js';
import { confirmView } from './views/confirm.js';
import { deadLettersView } from './views/dead-letters.js';
import { filtersView, queueBarView } from './views/filters.js';
import { headerView } from './views/header.js';
import { jobDetailView } from './views/job-detail.js';
import { jobFormView } from './views/job-form.js';
import { jobTypesView } from './views/job-types.js';
import { noticesView } from './views/notices.js';
import { createOutputView } from './views/output.js';
import { createQueueView } from './views/queue.js';
import { shortcutsView } from './views/shortcuts.js';
import { signInView } from './views/sign-in.js';
import { statsView } from './views/stats.js';
import { workersDrawn, workersView } from './views/workers.js';

const find = (id) => document.getElementById(id);
const seconds = () => Date.now() / 1000;
const isWide = () => matchMedia('(min-width: 860px)').matches;

const store = createStore(reduce, initialState({ now: seconds(), theme: storedTheme(), ...parseRoute(location.hash) }));

// What feeds the state.

const api = createAPI({ onUnauthorized: () => store.dispatch({ type: 'unauthorized' }) });
let isNewConnection = true;
const socket = createSocket({
  onMessage(message) {
    if (message.type === 'error') actions.notice('error', message.message);
    store.dispatch(message);
    if (message.type === 'queue_state') {
      pages.stateRead(isNewConnection);
      isNewConnection = false;
    }
  },
  onConnection(connection) {
    if (connection.state === 'open') isNewConnection = true;
    store.dispatch({ type: 'connection', connection });
    if (connection.state === 'reconnecting' && connection.retryAt !== null) checkSession();
    if (connection.state === 'open' && store.state.types === null) readTypes();
  },
});
const pages = createPages({ store, api });
const rereads = createRereads({ store, api, socket });
const details = createDetails({ store, api });
const deadLetters = createDeadLetters({ store, api });
const workers = createWorkers({ store, api });

/** A refused upgrade looks like a lost connection: asking for the session tells whether a token is missing. */
async function checkSession() {
  try {
    store.dispatch({ type: 'session_read', session: await api.session() });
  } catch (error) {
    if (error.code === 401) socket.stop();
  }
}

async function readTypes() {
  try {
    store.dispatch({ type: 'types_read', types: await api.jobTypes() });
  } catch {
    // Read again with the next connection.
  }
}

async function start() {
  try {
    store.dispatch({ type: 'session_read', session: await api.session() });
  } catch (error) {
    if (error.code === 401) {
      socket.stop();
      return;
    }
  }
  readTypes();
  socket.start();
}

// Where the person is: the address.

let addressTimer = null;

/** Browsers allow only so many changes of the address: what replaces it while typing waits for a pause. */
function writeAddress(hash, push) {
  clearTimeout(addressTimer);
  if (hash === (location.hash || '#/')) return;
  if (push) history.pushState(null, '', hash);
  else addressTimer = setTimeout(() => history.replaceState(null, '', hash), 120);
}

function go({ view, selected, filter = {}, dead = {} }) {
  const before = store.state.collection.filter;
  store.dispatch({ type: 'filtered', filter });
  store.dispatch({ type: 'dead_filtered', filter: dead });
  store.dispatch({ type: 'viewed', view });
  store.dispatch({ type: 'selected', id: selected });
  pages.filterChanged(before);
}

/** Changes what is shown and the address with it. `push` makes a step for Back. */
function navigate({ view = store.state.view, selected = store.state.selected, ...filters }, { push = false } = {}) {
  go({ view, selected, ...filters });
  writeAddress(hashOf(store.state), push);
}

addEventListener('popstate', followAddress);
addEventListener('hashchange', followAddress);

function followAddress() {
  clearTimeout(addressTimer);
  const route = parseRoute(location.hash);
  go(route);
  idToShow = route.selected;
}

// Where the focus goes.

const focus = {
  formField() {
    draw();
    const field = document.querySelector('#job-form input, #job-form select, #job-form textarea') ?? find('submit-job');
    field?.focus();
    find('compose').scrollIntoView({ block: 'nearest' });
  },
  firstFault() {
    draw();
    const field = document.querySelector('#job-form [aria-invalid="true"]');
    (field ?? find('submit-job'))?.focus();
  },
  jobType(name) {
    draw();
    document.querySelector(`#job-types [data-type="${CSS.escape(name)}"]`)?.focus();
  },
  /** The job that was submitted: open beside the list, or, where it would cover the form, only marked. */
  newJob(id) {
    const opens = isWide();
    if (opens) navigate({ selected: id }, { push: true });
    draw();
    if (store.state.view === 'queue') queue.show(store.state, id);
    return opens;
  },
  row(id) {
    draw();
    const { view } = store.state;
    if (view !== 'queue') focus.title(id);
    else if (!id || !queue.focusJob(store.state, id)) find('search').focus({ preventScroll: true });
  },
  /** The open panel, reached from a link. */
  panel() {
    draw();
    find('detail-title')?.focus({ preventScroll: !isWide() });
  },
  /** The link of a job on the page that is shown, or the page's heading. */
  title(id = null) {
    draw();
    const page = find(store.state.view);
    const link = id && page?.querySelector(`[data-job="${CSS.escape(id)}"] a`);
    (link || page?.querySelector('h2'))?.focus({ preventScroll: true });
  },
  /** The link of the page that is shown. */
  page() {
    draw();
    document.querySelector('#pages [aria-current]')?.focus({ preventScroll: true });
  },
  /** After an act on many: what was pressed may be gone. */
  afterQuestion() {
    draw();
    if (document.activeElement === document.body && store.state.view !== 'queue') focus.title();
  },
};

const actions = createActions({
  store, api, socket, focus, navigate,
  onSignedIn() {
    readTypes();
    socket.start();
  },
});
Object.assign(actions, createDeadActions({
  store, api, navigate, focus, notice: actions.notice, attempt: actions.attempt, reader: deadLetters,
}), createWorkerActions({ store, api, reader: workers }), { focusDetail: focus.panel, focusTitle: focus.title });

// Drawing: once a frame, and once a second for what ticks.

const queue = createQueueView({
  scroller: find('queue'), rows: find('queue-rows'), empty: find('empty'), actions, requestRender,
});
const output = createOutputView({ actions, requestRender });
let isRequested = false;
let chartAt = null;
const look = (at) => {
  if (at === chartAt) return;
  chartAt = at;
  requestRender();
};

function requestRender() {
  if (isRequested) return;
  isRequested = true;
  requestAnimationFrame(() => {
    if (isRequested) draw();
  });
}

/** The job of the address is shown in the list once it is there. */
let idToShow = store.state.selected;
let wasCovered = false;

/** Where the panel covers the page, what is below is out of reach. */
function cover(isCovered) {
  for (const id of ['header', 'overview', 'compose', 'jobs', 'dead-letters', 'workers']) find(id).inert = isCovered;
  if (isCovered && !wasCovered) find('detail-title')?.focus();
  wasCovered = isCovered;
}

const pageTitles = { 'dead-letters': 'Dead letters · Stint', workers: 'Workers · Stint' };

function title({ connection, stats, view }) {
  if (connection.state === 'reconnecting' || connection.state === 'stopped') return 'Not connected · Stint';
  if (pageTitles[view]) return pageTitles[view];
  return stats?.running ? `${countText(stats.running)} running · Stint` : 'Stint';
}

function draw() {
  isRequested = false;
  const { state } = store;
  render(find('header'), headerView(state, actions));
  render(find('stats'), statsView(state));
  render(find('chart'), chartView(state, chartAt, look));
  const canWrite = !state.session?.read_only;
  find('compose').hidden = !canWrite;
  render(find('job-types'), canWrite && jobTypesView(state, actions));
  render(find('job-form-place'), canWrite && jobFormView(state, actions));
  drawPage(state);
  const detail = find('detail');
  detail.hidden = !state.detail;
  document.body.dataset.detail = state.detail ? 'open' : 'closed';
  render(detail, jobDetailView(state, actions, output));
  output.drawn();
  render(find('notices'), noticesView(state, actions));
  drawDialogs(state);
  cover(Boolean(state.detail) && !isWide());
  const words = title(state);
  if (document.title !== words) document.title = words;
  if (state.view === 'queue' && idToShow && state.collection.jobs.get({ id: idToShow })) {
    const id = idToShow;
    idToShow = null;
    queue.show(state, id);
  }
}

/** The page that is shown; the others are not drawn. */
function drawPage(state) {
  const { view } = state;
  document.body.dataset.view = view;
  find('jobs').hidden = view !== 'queue';
  for (const page of ['dead-letters', 'workers']) find(page).hidden = view !== page;
  if (view === 'queue') {
    render(find('filter-bar'), filtersView(state, actions));
    render(find('queue-bar'), queueBarView(state, actions));
    queue.draw(state);
  }
  render(find('dead-letters'), view === 'dead-letters' && deadLettersView(state, actions));
  render(find('workers'), view === 'workers' && workersView(state, actions));
  if (view === 'workers') workersDrawn(state);
}

function drawDialogs(state) {
  const { dialog } = state;
  const question = dialog?.question ?? null;
  render(find('shortcuts'), dialog === 'shortcuts' && shortcutsView(actions));
  if (question) render(find('confirm'), confirmView(question, actions));
  render(find('sign-in'), dialog === 'sign-in' && signInView(state.signIn, actions));
  setDialog('shortcuts', dialog === 'shortcuts');
  setDialog('confirm', question !== null);
  setDialog('sign-in', dialog === 'sign-in');
}

/** Opens or closes a dialog; the browser keeps the focus in it and gives it back afterwards. */
function setDialog(id, isOpen) {
  const dialog = find(id);
  if (isOpen && !dialog.open) dialog.showModal();
  if (!isOpen && dialog.open) dialog.close();
}

for (const id of ['shortcuts', 'confirm', 'sign-in']) {
  find(id).addEventListener('cancel', (event) => {
    event.preventDefault();
    if (id !== 'sign-in') actions.closeDialog();
  });
  find(id).addEventListener('click', (event) => {
    if (event.target === event.currentTarget && id !== 'sign-in') actions.closeDialog();
  });
}

store.subscribe((state, before, event) => {
  if (state.detail !== before.detail || state.collection !== before.collection
    || state.connection !== before.connection) {
    details.update();
  }
  feedPages(state, before);
  rereads.schedule();
  if (event.type !== 'tick' || !document.hidden) requestRender();
});

/** What only one page needs is read while that page is shown. */
function feedPages(state, before) {
  const isMoved = state.view !== before.view || state.connection !== before.connection;
  if (isMoved || state.dead !== before.dead) deadLetters.update();
  if (isMoved || state.stats !== before.stats) workers.update();
}

setInterval(() => store.dispatch({ type: 'tick', now: seconds() }), 1000);

for (const [name, target] of [['online', window], ['visibilitychange', document]]) {
  target.addEventListener(name, () => {
    details.update();
    deadLetters.update();
    workers.update();
    if (document.hidden) return;
    socket.hurry();
    store.dispatch({ type: 'tick', now: seconds() });
    requestRender();
  });
}

// Keys.

/** The part of the page that short cuts for the list act on. */
const isQueue = () => store.state.view === 'queue';
const activeID = () => (isQueue() ? queue.activeID : null);

/** Moves among the links of a page other than the queue. */
function moveLink(step) {
  const links = [...find(store.state.view).querySelectorAll('[data-row]')];
  const place = links.indexOf(document.activeElement);
  const next = links[place < 0 ? 0 : Math.min(links.length - 1, Math.max(0, place + step))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

/** Moves in the list; an open panel goes along. */
function move(step) {
  if (!isQueue()) {
    moveLink(step);
    return;
  }
  const id = queue.move(store.state, step);
  if (id && store.state.selected) navigate({ selected: id });
}

const inList = (event) => event.target === document.body || find('queue').contains(event.target);

listenToKeys({
  '/': () => (find(isQueue() ? 'search' : 'dead-search') ?? find('worker-count'))?.focus(),
  g: nextPage,
  '?': () => actions.openDialog('shortcuts'),
  n: () => actions.newJob(),
  t: () => actions.nextTheme(),
  c: () => actions.cancelChosen(activeID()),
  r: () => actions.retryChosen(activeID()),
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: (event) => inList(event) && move(1),
  ArrowUp: (event) => inList(event) && move(-1),
  PageDown: (event) => find('queue').contains(event.target) && move(queue.pageSize()),
  PageUp: (event) => find('queue').contains(event.target) && move(-queue.pageSize()),
  Home: (event) => find('queue').contains(event.target) && queue.moveTo(store.state, 0),
  End: (event) => find('queue').contains(event.target) && queue.moveTo(store.state, -1),
  Enter: openActive,
  ' ': openActive,
  Escape: escape,
});

function nextPage() {
  const views = ['queue', 'dead-letters', 'workers'];
  const view = views[(views.indexOf(store.state.view) + 1) % views.length];
  navigate({ view, selected: null }, { push: true });
  focus.page();
}

function openActive(event) {
  const row = event.target.closest?.('[data-job]');
  if (!row || event.target !== row) return false;
  actions.openJob(row.dataset.job);
  draw();
  find('detail-title')?.focus({ preventScroll: !isWide() });
  return true;
}

function escape(event) {
  if (document.querySelector('dialog[open]')) return false;
  if (event.target.id === 'search' && event.target.value !== '') {
    actions.filter({ q: '' });
    return true;
  }
  if (event.target.id === 'dead-search' && event.target.value !== '') {
    actions.filterDead({ q: '' });
    return true;
  }
  if (event.target.matches?.('input, textarea, select')) {
    if (event.target.closest('#job-form')) actions.closeForm();
    else event.target.blur();
    return true;
  }
  if (store.state.selected) {
    actions.closeJob();
    return true;
  }
  if (store.state.form.type) {
    actions.closeForm();
    return true;
  }
  return false;
}

find('skip').addEventListener('click', (event) => {
  event.preventDefault();
  if (!isQueue()) focus.title();
  else queue.moveTo(store.state, 0) ?? find('search').focus();
});

draw();
details.update();
start();

"""#),
("js/dead-actions.js", #"""
// What a person can do on the page of dead letters. What concerns many asks the server first what it would do (a dry
// run), says so, and does it once the person said yes.

import { deadBody, deadQuery, isDeadNarrow } from './state/dead-letters.js';
import { plural } from './text/number.js';
import { plainLine } from './text/plain.js';

/** Which jobs a filter means, in words. */
export function deadWords(filter) {
  if (!isDeadNarrow(filter)) return 'all dead letters';
  const { type, error, queue, q } = filter;
  return [
    type ? `${plainLine(type)} jobs` : 'jobs', error && `that failed with ${plainLine(error)}`,
    queue && `of queue ${plainLine(queue)}`, q.trim() && `in which “${plainLine(q.trim())}” is found`,
  ].filter(Boolean).join(' ');
}

/** How many were left out because their types are closed to those who come over HTTP; '' for none. */
const leftWords = (skipped) => (skipped === 0 ? ''
  : `${plural(skipped, 'job')} of types that are closed to this page ${skipped === 1 ? 'stays' : 'stay'} here`);

const requeued = (answer) => ({ count: answer.requeued, skipped: answer.skipped ?? 0 });
const removed = (answer) => ({ count: answer.removed, skipped: 0 });

/** Each asks the server for `{count, skipped}`. */
const asks = {
  requeue: {
    dryRun: async (api, filter) => requeued(await api.requeueDead({ ...deadBody(filter), dry_run: true })),
    run: async (api, filter) => requeued(await api.requeueDead(deadBody(filter))),
    done: ({ count, skipped }) => [`${plural(count, 'job')} ${count === 1 ? 'is' : 'are'} back in the queue`,
      leftWords(skipped)].filter(Boolean).join('; '),
    question: ({ count, skipped }, words) => ({
      title: `Requeue ${plural(count, 'job')}?`, kind: 'primary', yes: `Requeue ${plural(count, 'job')}`,
      text: [`This would requeue ${plural(count, 'job')}: ${words}. Their retries start anew, what happened stays.`,
        skipped > 0 && `${leftWords(skipped)}.`].filter(Boolean).join(' '),
      no: 'Leave as is',
    }),
  },
  purge: {
    dryRun: async (api, filter) => removed(await api.purgeDead(`${purgeQuery(filter)}&dry_run=true`)),
    run: async (api, filter) => removed(await api.purgeDead(purgeQuery(filter))),
    done: ({ count }) => `${plural(count, 'job')} removed`,
    question: ({ count }, words) => ({
      title: `Remove ${plural(count, 'job')} for good?`, kind: 'danger', yes: `Remove ${plural(count, 'job')}`,
      text: `This would remove ${plural(count, 'job')}: ${words}. Their history and output go too. `
        + 'It can not be undone.',
      no: count === 1 ? 'Keep it' : 'Keep them',
    }),
  },
};

const purgeQuery = (filter) => (isDeadNarrow(filter) ? deadQuery(filter).toString() : 'all=true');

export function createDeadActions({ store, api, navigate, focus, notice, attempt, reader }) {
  const canWrite = () => !store.state.session?.read_only;
  const acting = (act) => store.dispatch({ type: 'dead_acting', act });
  const filtered = (filter, options) =>
    navigate({ view: 'dead-letters', dead: { ...store.state.dead.filter, ...filter } }, options);

  async function act(kind, filter) {
    acting(kind);
    await attempt(async () => notice('done', asks[kind].done(await asks[kind].run(api, filter))));
    acting(null);
    store.dispatch({ type: 'dead_wanted' });
    focus.afterQuestion();
  }

  /** Asks for the number of jobs first, then the person, then does it. */
  async function ask(kind, filter) {
    if (!canWrite() || store.state.dead.act) return;
    acting(kind);
    const found = await attempt(() => asks[kind].dryRun(api, filter));
    acting(null);
    if (found === undefined) return;
    if (found.count === 0) {
      notice('info', leftWords(found.skipped) || 'No dead letter matches any more');
      store.dispatch({ type: 'dead_wanted' });
      return;
    }
    const question = { ...asks[kind].question(found, deadWords(filter)), act: () => act(kind, filter) };
    store.dispatch({ type: 'dialog_opened', dialog: { question } });
  }

  return {
    filterDead: filtered,
    /** Shows the jobs of a group, or with null those of all. */
    openGroup(group) {
      filtered({ type: group?.type ?? '', error: group?.error ?? '' }, { push: true });
      focus.title();
    },
    requeueDead: (filter) => ask('requeue', filter),
    purgeDead: (filter) => ask('purge', filter),
    readDead: () => store.dispatch({ type: 'dead_wanted' }),
    moreDead: () => attempt(() => reader.more()),
  };
}

"""#),
("js/keyboard.js", #"""
// The keys of the whole page. None of them while typing, none with Ctrl, Alt or Meta.

const isField = (element) => Boolean(element?.closest?.('input, textarea, select, [contenteditable]'));

/** `keys`: functions by key name; each gets the event, and what it returns as `false` leaves the key to the browser. */
export function listenToKeys(keys) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    if (event.key !== 'Escape' && isField(event.target)) return;
    if (document.querySelector('dialog[open]') && event.key !== 'Escape') return;
    const act = keys[event.key];
    if (!act || act(event) === false) return;
    event.preventDefault();
  });
}

"""#),
("js/live/api.js", #"""
// The REST interface. Answers are parsed JSON; what is refused is a `Refusal` in the server's own words.

/** An error answer of the server, or (code 0) a server that can not be reached. */
export class Refusal extends Error {
  constructor(message, { code = 0, type = 'unreachable', details = [] } = {}) {
    super(message);
    this.code = code;
    this.type = type;
    this.details = details;
  }
}

export function createAPI({ onUnauthorized }) {
  /** The answer's text as JSON; throws a `Refusal` for what is refused. */
  async function answerOf(response, quiet) {
    const text = await response.text();
    let answer = null;
    try {
      answer = text === '' ? null : JSON.parse(text);
    } catch {
      if (response.ok) throw new Refusal('The server’s answer is not JSON.', { code: response.status });
    }
    if (response.ok) return answer;
    if (response.status === 401 && !quiet) onUnauthorized();
    throw new Refusal(answer?.error ?? `${response.status} ${response.statusText}`, {
      code: response.status, type: answer?.type ?? 'error', details: answer?.details ?? [],
    });
  }

  async function request(method, path, body, { quiet = false } = {}) {
    const options = { method, headers: { Accept: 'application/json' }, credentials: 'same-origin', cache: 'no-store' };
    if (body !== undefined) {
      options.headers['Content-Type'] = 'application/json';
      options.body = JSON.stringify(body);
    }
    let response;
    try {
      response = await fetch(path, options);
    } catch {
      throw new Refusal('The server can not be reached.');
    }
    const answer = await answerOf(response, quiet);
    return { answer, link: response.headers.get('Link') };
  }

  /** The bytes of a stream of events, those after the event `after`. */
  async function stream(path, { after, signal }) {
    const headers = { Accept: 'text/event-stream', ...(after ? { 'Last-Event-ID': after } : {}) };
    let response;
    try {
      response = await fetch(path, { headers, signal, credentials: 'same-origin', cache: 'no-store' });
    } catch {
      throw new Refusal('The server can not be reached.');
    }
    if (!response.ok || !response.body) await answerOf(response);
    return response.body;
  }

  const get = async (path, options) => (await request('GET', path, undefined, options)).answer;
  // `/api/jobs/status` is another route; the escaped form means the job of that name.
  const job = (id) => `/api/jobs/${id === 'status' ? '%73tatus' : encodeURIComponent(id)}`;

  return {
    session: () => get('/api/session'),
    signIn: async (token) => (await request('POST', '/api/session', { token }, { quiet: true })).answer,
    signOut: () => request('DELETE', '/api/session'),
    jobTypes: () => get('/api/job-types'),
    job: (id) => get(`${job(id)}?exact=true`),
    history: (id) => get(`${job(id)}/history?exact=true`),
    progressPath: (id) => `${job(id)}/progress?exact=true`,
    output: (id, options) => stream(`${job(id)}/output?exact=true`, options),
    statuses: async (ids) => (await request('POST', '/api/jobs/status', { ids })).answer,
    submit: async (submission) => (await request('POST', '/api/jobs', submission)).answer,
    cancel: (id) => request('DELETE', `${job(id)}?exact=true`),
    retry: async (id) => (await request('POST', `${job(id)}/retry?exact=true`)).answer,
    clearCompleted: async () => (await request('DELETE', '/api/jobs?status=completed')).answer,
    workers: () => get('/api/workers'),
    workerCount: () => get('/api/workers/count'),
    setWorkers: async (count) => (await request('PUT', '/api/workers', { count })).answer,
    /** Dead letters: `{total, groups, jobs}`, and the path of the next page or null. */
    async deadLetters(path) {
      const { answer, link } = await request('GET', path);
      return { ...answer, next: nextOf(link) };
    },
    requeueDead: async (body) => (await request('POST', '/api/dead-letters/requeue', body)).answer,
    purgeDead: async (query) => (await request('DELETE', `/api/dead-letters?${query}`)).answer,
    /** One page of jobs, and the path of the next one or null. */
    async page(path) {
      const { answer, link } = await request('GET', path);
      return { jobs: answer, next: nextOf(link) };
    },
  };
}

/** The path of `rel="next"` in a Link header; only one of this server. */
export function nextOf(link) {
  const match = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '');
  if (!match) return null;
  const url = new URL(match[1], location.href);
  return url.origin === location.origin ? url.pathname + url.search : null;
}

"""#),
("js/live/dead-letters.js", #"""
// Reads the dead letters while their page is shown: when it is opened, when its filter changes, and after events that
// may have changed them. After a read it rests for at least a second, and for five times what the read took.

import { DEAD_PAGE, KEEP_DEAD, deadQuery, sameDeadFilter } from '../state/dead-letters.js';

const leastRest = 1_000;
const typingMilliseconds = 250;
const refusalPause = 5_000;

export function createDeadLetters({ store, api }) {
  let read = { filter: null, stale: -1 };
  let planned = null;
  let timer = null;
  let busy = false;
  let restUntil = 0;
  let isReadingMore = false;

  async function run() {
    timer = null;
    if (busy) return;
    const { filter, stale, jobs } = store.state.dead;
    const startedAt = Date.now();
    busy = true;
    read = { filter, stale };
    const query = deadQuery(filter);
    // As many as are shown: those that were asked for with "more" stay.
    const wanted = Math.max(DEAD_PAGE, Math.ceil(jobs.length / DEAD_PAGE) * DEAD_PAGE);
    query.set('limit', String(Math.min(KEEP_DEAD, wanted)));
    let took = 0;
    try {
      const answer = await api.deadLetters(`/api/dead-letters?${query}`);
      took = Date.now() - startedAt;
      store.dispatch({ type: 'dead_read', filter, ...answer });
    } catch (error) {
      took = refusalPause / 5;
      if (error.code !== 401) store.dispatch({ type: 'dead_failed', filter, message: error.message });
    }
    busy = false;
    restUntil = Date.now() + Math.max(leastRest, 5 * took);
    update();
  }

  function update() {
    const { view, dead, connection } = store.state;
    if (view !== 'dead-letters' || document.hidden || connection.state !== 'open') {
      clearTimeout(timer);
      timer = null;
      if (view !== 'dead-letters') read = { filter: null, stale: -1 };
      return;
    }
    if (busy) return;
    const isNew = read.filter === null || !sameDeadFilter(dead.filter, read.filter);
    if (!isNew && dead.stale === read.stale) return;
    if (isNew) {
      if (timer !== null && planned === dead.filter) return;
      planned = dead.filter;
      clearTimeout(timer);
      timer = setTimeout(run, read.filter !== null && dead.filter.q !== read.filter.q ? typingMilliseconds : 0);
    } else if (timer === null) {
      timer = setTimeout(run, Math.max(0, restUntil - Date.now()));
    }
  }

  return {
    update,
    /** Reads the jobs after those that are shown. */
    async more() {
      const { filter, next } = store.state.dead;
      if (!next || isReadingMore) return;
      isReadingMore = true;
      try {
        const { jobs, next: after } = await api.deadLetters(next);
        store.dispatch({ type: 'dead_more', filter, jobs, next: after });
      } finally {
        isReadingMore = false;
      }
    },
  };
}

"""#),
("js/live/details.js", #"""
// Keeps the detail panel's job whole: reads it and its history when it is chosen and whenever it moved, and follows
// its progress and output. A page that nobody sees holds no stream: browsers open only a few to one server.

import { mostLinks } from '../state/detail.js';
import { createOutputStream } from './output-stream.js';
import { createProgressStream } from './progress-stream.js';

const pauseMilliseconds = 400;

export function createDetails({ store, api }) {
  let shownID = null;
  let stale = -1;
  let timer = null;
  let busy = false;
  let endedID = null;
  const stream = createProgressStream({
    api,
    onEvent: store.dispatch,
    onEnd(id) {
      // The list may say "running" for a moment longer: that is no reason to follow it again.
      endedID = id;
      read();
    },
  });

  const output = createOutputStream({
    open: api.output,
    onItems: (id, items) => store.dispatch({ type: 'output_received', id, items }),
  });

  /** The jobs that took over from `job`, but for those that the list has. */
  async function readAfter(job) {
    const after = [];
    for (let id = job.escalated_to, links = 0; id && links < mostLinks; links += 1) {
      let next = store.state.collection.jobs.get({ id });
      if (!next) {
        try {
          next = await api.job(id);
        } catch (error) {
          if (error.code !== 404) throw error;
          next = { id, gone: true };
        }
        after.push(next);
      }
      id = next.escalated_to;
    }
    return after;
  }

  async function read() {
    const id = shownID;
    clearTimeout(timer);
    timer = null;
    if (id === null || busy) return;
    busy = true;
    stale = store.state.detail?.stale ?? 0;
    const asked = store.state.clock;
    try {
      const [job, history] = await Promise.all([api.job(id), api.history(id)]);
      const after = await readAfter(job);
      store.dispatch({ type: 'detail_read', job, after, asked });
      store.dispatch({ type: 'history_read', id, history });
    } catch (error) {
      if (error.code === 404) store.dispatch({ type: 'job_missing', id });
      store.dispatch({ type: 'detail_failed', id, message: error.message });
    }
    busy = false;
    update();
  }

  function update() {
    const { detail, collection, connection } = store.state;
    const id = detail?.id ?? null;
    if (id !== shownID) {
      shownID = id;
      stale = -1;
      clearTimeout(timer);
      timer = null;
      stream.follow(null);
      output.follow(null);
    }
    output.hold(document.hidden || connection.state !== 'open');
    if (id === null) return;
    if (detail.stale !== stale && !busy && timer === null && !detail.gone) {
      timer = setTimeout(read, stale < 0 ? 0 : pauseMilliseconds);
    }
    const job = collection.jobs.get({ id }) ?? detail.whole;
    const isLive = job && job.status === 'running' && !detail.gone && connection.state === 'open'
      && !document.hidden;
    if (!isLive) endedID = null;
    stream.follow(isLive && endedID !== id ? id : null, job?.attempt);
    // Only once the panel has stayed for a moment: the keyboard goes past many jobs.
    if (detail.whole && !detail.gone) output.follow(id, job.attempt);
  }

  return { update };
}

"""#),
("js/live/event-reader.js", #"""
// Server-Sent Events out of text, read with `fetch`: unlike `EventSource` it can begin after a given event.

/** `push(text)` calls `onEvent({event, data, id})` for each whole event; `id` is the last one that was given. */
export function createEventParser(onEvent) {
  let rest = '';
  let id = null;
  let name = '';
  let data = [];

  function field(line) {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const key = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (key === 'event') name = value;
    else if (key === 'data') data.push(value);
    else if (key === 'id') id = value;
  }

  function end() {
    if (data.length > 0) onEvent({ event: name || 'message', data: data.join('\n'), id });
    name = '';
    data = [];
  }

  return {
    push(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const whole = line.endsWith('\r') ? line.slice(0, -1) : line;
        if (whole === '') end();
        else field(whole);
      }
    },
  };
}

"""#),
("js/live/output-stream.js", #"""
// The chosen job's output while its panel is open: read as it comes, taken up again where it was left.

import { createEventParser } from './event-reader.js';

/** Before the stream is opened again, in milliseconds: after it broke off, and after it was refused. */
const [breakPause, refusalPause] = [1_000, 5_000];

/** The reducer's item for an event of the stream, or null. */
export function outputItem({ event, data }) {
  if (event === 'end') return { kind: 'end' };
  if (event === 'gap') return { kind: 'gap' };
  let value;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (event === 'attempt') return { kind: 'attempt', attempt: value.attempt, job: value.job_id };
  if (event !== 'output') return null;
  return { kind: 'chunk', attempt: value.attempt, stream: value.stream, text: String(value.text ?? '') };
}

/** Where a chunk stands, from the event's id: `ATTEMPT-NUMBER`, and `:JOB` where another job took over. */
function placeOf(id) {
  const [, number = '0', job] = /^\d+-(\d+)(?::(.*))?$/.exec(id ?? '') ?? [];
  return { number: Number(number), ...(job ? { job } : {}) };
}

/**
 * @param open gives the bytes of `(id, {after, signal})`, or throws a `Refusal`
 * @param onItems called with the job's id and what came, in order
 * @param pauses for tests
 */
export function createOutputStream({ open, onItems, pauses = [breakPause, refusalPause] }) {
  let followed = null;
  let isHeld = false;

  async function read(own, signal) {
    const bytes = await open(own.id, { after: own.after, signal });
    let items = [{ kind: 'open' }];
    const parser = createEventParser((event) => {
      const item = outputItem(event);
      if (!item) return;
      if (item.kind === 'chunk') {
        Object.assign(item, { job: own.id }, placeOf(event.id));
        own.after = event.id;
      }
      if (item.kind === 'attempt' && item.job === own.id) own.seen = Math.max(own.seen, item.attempt);
      if (item.kind === 'end') own.isOver = true;
      items.push(item);
    });
    const reader = bytes.getReader();
    const decoder = new TextDecoder();
    while (!own.isOver) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) break;
      parser.push(decoder.decode(value, { stream: true }));
      if (signal.aborted) return;
      onItems(own.id, items);
      items = [];
    }
    reader.cancel().catch(() => {});
  }

  /** Reads until the job is over; a stream that breaks off is opened again after what was read. */
  async function run(own) {
    const { signal } = own.stop;
    while (!signal.aborted && !own.isOver) {
      let pause = pauses[0];
      try {
        await read(own, signal);
      } catch (error) {
        if (signal.aborted) return;
        pause = pauses[1];
        if (error.code > 0) {
          // The place may be of a job that was removed: all of it again then.
          const isPlace = error.code === 422 && own.after !== null;
          if (isPlace) own.after = null;
          else onItems(own.id, [{ kind: 'fault', message: error.message }]);
          // There is no such job, or it may not be seen: asking again changes nothing.
          own.isOver = error.code < 500 && error.code !== 429 && !isPlace;
        }
      }
      if (!signal.aborted && !own.isOver) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  function begin(own) {
    own.stop = new AbortController();
    if (!isHeld) run(own);
  }

  return {
    /** Follows job `id`, or none. Of a job that is over there is more once `attempt` is a later one. */
    follow(id, attempt = 0) {
      if (followed && followed.id === id) {
        if (!followed.isOver || attempt <= followed.seen) return;
        followed.isOver = false;
        followed.seen = attempt;
        begin(followed);
        return;
      }
      followed?.stop.abort();
      followed = id === null ? null : { id, seen: attempt, after: null, isOver: false, stop: null };
      if (followed) begin(followed);
    },
    /** Stops reading while nobody looks, and goes on after what was read. */
    hold(hold) {
      if (hold === isHeld) return;
      isHeld = hold;
      if (!followed || followed.isOver) return;
      followed.stop.abort();
      if (!hold) begin(followed);
    },
  };
}

"""#),
("js/live/pages.js", #"""
// Loads what is not in the first state: all pages of jobs in the background, and older ones that a filter asks for.

import { KEEP, KEEP_FOUND } from '../state/collection.js';
import { isNarrow, sameFilter, serverQuery } from '../state/filter.js';

const pageSize = 1000;
const mostPages = 1 + KEEP / pageSize;
/** Between two sweeps, in milliseconds: five times what the last one took, within these. */
const [leastRest, mostRest] = [3_000, 15_000];
const typingMilliseconds = 250;

export function createPages({ store, api }) {
  let running = false;
  let endedAt = 0;
  let took = 0;
  let generation = 0;
  let again = null;
  let typing = null;

  const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  async function sweep() {
    running = true;
    const startedAt = Date.now();
    generation += 1;
    const number = generation;
    store.dispatch({ type: 'sweep_started', number });
    let path = `/api/jobs?limit=${pageSize}`;
    let count = 0;
    let until = 0;
    try {
      while (path && count < KEEP) {
        const asked = store.state.clock;
        const { jobs, next } = await api.page(path);
        store.dispatch({ type: 'page_read', number, jobs, asked });
        count += jobs.length;
        path = next;
        until = next && jobs.length > 0 ? jobs[jobs.length - 1].created_at : 0;
        await wait(0);
      }
      store.dispatch({ type: 'sweep_ended', number, until, complete: true });
    } catch {
      store.dispatch({ type: 'sweep_failed', number });
    }
    endedAt = Date.now();
    took = endedAt - startedAt;
    running = false;
    search();
  }

  /** Asks the server for older jobs that fit the present filter, where the page does not hold all. */
  async function search() {
    const { collection, sweep: { partial }, stats } = store.state;
    const { filter } = collection;
    if (!partial || (filter.status === 'all' && !isNarrow(filter))) return;
    if ((stats?.total ?? Infinity) <= collection.jobs.size) return;
    const query = serverQuery(filter);
    query.set('limit', String(pageSize));
    query.set('until', String(collection.horizon + 0.000001));
    let path = `/api/jobs?${query}`;
    try {
      // Jobs of one batch have one time, so the first pages may hold only what is known.
      for (let page = 0; path && page < mostPages; page += 1) {
        const asked = store.state.clock;
        const { jobs, next } = await api.page(path);
        if (!sameFilter(filter, store.state.collection.filter)) return;
        store.dispatch({ type: 'jobs_found', jobs, asked, filter });
        if (store.state.collection.extra >= KEEP_FOUND) return;
        path = next;
      }
    } catch {
      // The list shows what the page holds; the next change of the filter asks again.
    }
  }

  return {
    /** After a state that does not hold all jobs. A new connection loads at once, later states after some rest. */
    stateRead(isNewConnection) {
      if (!store.state.hasMore) return;
      clearTimeout(again);
      const pause = Math.min(mostRest, Math.max(leastRest, 5 * took));
      const rest = isNewConnection && !running ? 0 : Math.max(0, endedAt + pause - Date.now());
      again = setTimeout(() => {
        if (!running) sweep();
      }, rest);
    },
    filterChanged(before) {
      if (sameFilter(before, store.state.collection.filter)) return;
      clearTimeout(typing);
      typing = setTimeout(search, typingMilliseconds);
    },
  };
}

"""#),
("js/live/progress-stream.js", #"""
// The chosen job's progress over Server-Sent Events, while its panel is open and the job is not over.

// After `escalated` the stream would go on with the job that took over.
const ends = ['complete', 'failed', 'cancelled', 'escalated'];
const pauseMilliseconds = 5_000;

/** @param onEvent called with the reducer's event; onEnd when the job is over; `pause` after a refusal */
export function createProgressStream({ api, onEvent, onEnd, pause = pauseMilliseconds }) {
  let source = null;
  let openID = null;
  /** The job and attempt whose stream the server refused, and what tries it again. */
  let refused = null;

  function forget() {
    clearTimeout(refused?.timer);
    refused = null;
  }

  function refuse(id, attempt) {
    const timer = setTimeout(() => {
      refused = null;
      listen(id, attempt);
    }, pause);
    refused = { id, attempt, timer };
  }

  function close() {
    source?.close();
    source = null;
    openID = null;
  }

  function listen(id, attempt) {
    source = new EventSource(api.progressPath(id));
    openID = id;
    const own = source;
    source.addEventListener('progress', (message) => {
      if (own !== source) return;
      onEvent({ type: 'job_progress', job_id: id, ...JSON.parse(message.data) });
    });
    for (const end of ends) {
      source.addEventListener(end, (message) => {
        // `EventSource` has an event `error` of its own, `failed` is the server's.
        if (own !== source || message.data === undefined) return;
        close();
        onEnd(id);
      });
    }
    source.onerror = () => {
      // Where the server ended a stream without an end of the job, the browser connects again by itself. It does not
      // where the answer is no stream, as when there are too many.
      if (own !== source || own.readyState !== EventSource.CLOSED) return;
      close();
      refuse(id, attempt);
    };
  }

  return {
    /** Follows job `id` in its attempt, or none. */
    follow(id, attempt = 0) {
      if (refused && refused.id === id && refused.attempt === attempt) return;
      forget();
      if (id === openID) return;
      close();
      if (id !== null) listen(id, attempt);
    },
  };
}

"""#),
("js/live/rereads.js", #"""
// Finds out what happened to jobs of which the page only knows that something did: after `changed`, and after events of
// jobs that it does not hold. At most once a second.

const pauseMilliseconds = 1000;
const mostSingle = 20;

export function createRereads({ store, api, socket }) {
  let timer = null;
  let last = 0;

  async function run() {
    timer = null;
    last = Date.now();
    const { state } = store;
    const ids = state.unread.slice().map(({ id }) => id);
    if (ids.length === 0 && state.stateWanted === 0) return;
    if (state.connection.state !== 'open') return;
    const held = ids.filter((id) => state.collection.jobs.get({ id }));
    const unknown = ids.filter((id) => !state.collection.jobs.get({ id }));
    const asked = state.clock;
    const reads = [];
    if (held.length > 0) {
      reads.push(api.statuses(held).then((statuses) => store.dispatch({ type: 'statuses_read', statuses, asked })));
    }
    if (state.stateWanted > 0 || unknown.length > mostSingle) {
      socket.send({ type: 'get_state' });
    } else {
      for (const id of unknown) reads.push(readOne(id, asked));
    }
    await Promise.allSettled(reads);
    schedule();
  }

  async function readOne(id, asked) {
    try {
      store.dispatch({ type: 'job_read', job: await api.job(id), asked });
    } catch (error) {
      if (error.code === 404) store.dispatch({ type: 'job_missing', id });
    }
  }

  function schedule() {
    const { unread, stateWanted } = store.state;
    if (timer !== null || (unread.size === 0 && stateWanted === 0)) return;
    timer = setTimeout(run, Math.max(0, last + pauseMilliseconds - Date.now()));
  }

  return { schedule };
}

"""#),
("js/live/socket.js", #"""
// The WebSocket of the queue: connects, says how it stands, comes back by itself.

const firstDelay = 0.5;
const longestDelay = 10;
const pingSeconds = 20;
const silenceSeconds = 45;

/** The wait before try number `attempt` (from 1): doubling, with half of it random. */
export function reconnectDelay(attempt, random = Math.random()) {
  const full = Math.min(longestDelay, firstDelay * 2 ** Math.min(attempt - 1, 10));
  return Math.max(firstDelay, full * (0.5 + random / 2));
}

/**
 * @param onMessage called with each message
 * @param onConnection called with {state, attempt, retryAt}
 */
export function createSocket({ onMessage, onConnection }) {
  let socket = null;
  let attempt = 0;
  let timer = null;
  let heartbeat = null;
  let heard = 0;
  let stopped = false;

  const seconds = () => Date.now() / 1000;

  function open() {
    clearTimeout(timer);
    timer = null;
    onConnection({ state: attempt === 0 ? 'connecting' : 'reconnecting', attempt, retryAt: null });
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const own = new WebSocket(`${scheme}//${location.host}/ws/queue`);
    socket = own;
    own.onopen = () => {
      heard = seconds();
      attempt = 0;
      onConnection({ state: 'open', attempt: 0, retryAt: null });
      heartbeat = setInterval(beat, pingSeconds * 1000);
    };
    own.onmessage = (message) => {
      heard = seconds();
      let parsed;
      try {
        parsed = JSON.parse(message.data);
      } catch {
        return;
      }
      onMessage(parsed);
    };
    own.onclose = () => {
      if (own === socket) lost();
    };
  }

  function beat() {
    if (seconds() - heard > silenceSeconds) drop();
    else send({ type: 'ping' });
  }

  /** Gives up a connection that says nothing. */
  function drop() {
    const silent = socket;
    lost();
    silent?.close();
  }

  function lost() {
    socket = null;
    clearInterval(heartbeat);
    if (stopped) return;
    attempt += 1;
    const delay = reconnectDelay(attempt);
    onConnection({ state: 'reconnecting', attempt, retryAt: seconds() + delay });
    clearTimeout(timer);
    timer = setTimeout(open, delay * 1000);
  }

  function send(message) {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  /** Tries at once, where a try is due later. */
  function hurry() {
    if (!stopped && timer !== null) open();
  }

  return {
    start() {
      stopped = false;
      attempt = 0;
      if (!socket) open();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      timer = null;
      clearInterval(heartbeat);
      socket?.close(1000);
      socket = null;
      onConnection({ state: 'stopped', attempt: 0, retryAt: null });
    },
    hurry,
    send,
  };
}

"""#),
("js/live/workers.js", #"""
// Reads the workers while their page is shown and seen: every two seconds, and sooner when slots become busy or free.

const pauseMilliseconds = 2_000;
const soonMilliseconds = 500;

export function createWorkers({ store, api }) {
  let timer = null;
  let busy = false;
  let last = 0;
  let figures = '';

  async function read() {
    timer = null;
    busy = true;
    const { acts } = store.state.workers;
    try {
      const [list, own] = await Promise.all([api.workers(), api.workerCount()]);
      store.dispatch({ type: 'workers_read', list, own, acts });
    } catch (error) {
      if (error.code !== 401) store.dispatch({ type: 'workers_failed', message: error.message });
    }
    busy = false;
    last = Date.now();
    update();
  }

  function plan(pause) {
    clearTimeout(timer);
    timer = setTimeout(read, Math.max(0, last + pause - Date.now()));
  }

  function update() {
    const { view, connection, stats } = store.state;
    if (view !== 'workers' || document.hidden || connection.state !== 'open') {
      clearTimeout(timer);
      timer = null;
      return;
    }
    const now = JSON.stringify([stats?.worker, stats?.running]);
    const moved = now !== figures;
    figures = now;
    if (busy) return;
    if (moved) plan(soonMilliseconds);
    else if (timer === null) plan(pauseMilliseconds);
  }

  return {
    update,
    /** Reads at once, whatever the pause. */
    hurry() {
      last = 0;
      if (!busy && store.state.view === 'workers') plan(0);
    },
  };
}

"""#),
("js/render/element.js", #"""
// The render layer: `h` describes elements, `render` makes a container's children like the description and touches
// only what differs. Text becomes text nodes and attributes, never markup.
//
//   h('button', { class: 'quiet', onclick: close, 'aria-label': 'Close' }, icon('close'))
//   keyed('row-1', [job, now], () => jobRow(job, now))    drawn again only if something in the array differs
//
// Props: `on…` handlers, `key`, `ref` (called once with the new element), `style` (an object of CSS properties), some
// DOM properties (value, checked, …), and attributes. null, undefined and false leave an attribute out.

const svgNamespace = 'http://www.w3.org/2000/svg';
const properties = new Set(['value', 'checked', 'disabled', 'hidden', 'selected', 'indeterminate', 'open']);

export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, key: props?.key, children: flat(children, []), element: null };
}

/** A description that is kept while `inputs` stay the same. */
export function keyed(key, inputs, draw) {
  return { key, inputs, draw, tag: null, element: null };
}

function flat(children, into) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, into);
    else if (child === null || child === undefined || child === false || child === true) continue;
    else into.push(typeof child === 'object' ? child : { text: String(child), element: null });
  }
  return into;
}

const drawn = (node) => (node.draw ? (node.drawing ??= node.draw()) : node);
const kindOf = (node) => (node.text !== undefined ? '#text' : drawn(node).tag);

function setProp(element, name, value, before) {
  if (name === 'key' || name === 'ref') return;
  if (name.startsWith('on')) {
    element[name] = value ?? null;
  } else if (name === 'style') {
    for (const property of Object.keys(before ?? {})) {
      if (!value || !(property in value)) element.style.removeProperty(property);
    }
    for (const [property, text] of Object.entries(value ?? {})) {
      if (before?.[property] !== text) element.style.setProperty(property, text);
    }
  } else if (properties.has(name) && name in element) {
    const wanted = value ?? (name === 'value' ? '' : false);
    if (element[name] !== wanted) element[name] = wanted;
  } else if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? '' : String(value));
  }
}

function create(node, inSVG) {
  if (node.text !== undefined) {
    node.element = document.createTextNode(node.text);
    return node.element;
  }
  const { tag, props, children } = drawn(node);
  const isSVG = inSVG || tag === 'svg';
  const element = isSVG ? document.createElementNS(svgNamespace, tag) : document.createElement(tag);
  for (const child of children) element.append(create(child, isSVG));
  for (const name of Object.keys(props)) setProp(element, name, props[name], undefined);
  node.element = element;
  if (node.drawing) node.drawing.element = element;
  props.ref?.(element);
  return element;
}

const sameInputs = (a, b) => a.length === b.length && a.every((input, place) => Object.is(input, b[place]));

/** Whether what is kept need not be drawn again. */
const isSame = (before, after) => after.draw && before.draw && sameInputs(before.inputs, after.inputs);

function update(before, after, inSVG) {
  const { element } = before;
  after.element = element;
  if (after.text !== undefined) {
    if (after.text !== before.text) element.data = after.text;
    return;
  }
  if (after.draw && after.drawing === before.drawing) return;
  const old = drawn(before);
  const next = drawn(after);
  next.element = element;
  if (old.props !== next.props) {
    for (const name of Object.keys(old.props)) {
      if (!(name in next.props)) setProp(element, name, undefined, old.props[name]);
    }
  }
  const isSVG = inSVG || next.tag === 'svg';
  patch(element, old.children, next.children, isSVG);
  for (const name of Object.keys(next.props)) {
    const value = next.props[name];
    if (value !== old.props[name] || properties.has(name)) setProp(element, name, value, old.props[name]);
  }
}

/** Makes the children of `parent`, described by `before`, like `after`. */
function patch(parent, before, after, inSVG) {
  const byKey = new Map();
  const unkeyed = [];
  // A key is meant for one child. Of those that share it the first is kept, the others are made anew each time.
  const twins = [];
  for (const node of before) {
    if (node.key === undefined) unkeyed.push(node);
    else if (byKey.has(node.key)) twins.push(node);
    else byKey.set(node.key, node);
  }
  let nextUnkeyed = 0;
  const matches = after.map((node) => {
    let match = null;
    if (node.key !== undefined) {
      match = byKey.get(node.key) ?? null;
      if (match) byKey.delete(node.key);
    } else {
      // The next one of its kind; those before it are gone.
      const kind = kindOf(node);
      const place = unkeyed.findIndex((other, index) => index >= nextUnkeyed && kindOf(other) === kind);
      if (place >= 0) {
        match = unkeyed[place];
        unkeyed.slice(nextUnkeyed, place).forEach((other) => other.element.remove());
        nextUnkeyed = place + 1;
      }
    }
    if (match && isSame(match, node)) node.drawing = match.drawing;
    if (match && kindOf(match) !== kindOf(node)) {
      match.element.remove();
      match = null;
    }
    return match;
  });
  for (const node of byKey.values()) node.element.remove();
  for (const node of twins) node.element.remove();
  for (const node of unkeyed.slice(nextUnkeyed)) node.element.remove();

  let place = parent.firstChild;
  after.forEach((node, index) => {
    const match = matches[index];
    if (match) update(match, node, inSVG);
    const element = match ? match.element : create(node, inSVG);
    if (element === place) {
      place = place.nextSibling;
      return;
    }
    // One that left its place for further down: set it aside rather than moving all that follow.
    if (place && place.nextSibling === element && match) {
      parent.append(place);
      place = element.nextSibling;
      return;
    }
    parent.insertBefore(element, place);
  });
}

const drawings = new WeakMap();

/** Makes the children of `container` what `children` describe. */
export function render(container, ...children) {
  const after = flat(children, []);
  const focused = document.activeElement;
  patch(container, drawings.get(container) ?? [], after, container.namespaceURI === svgNamespace);
  drawings.set(container, after);
  // Moving an element in the document takes its focus.
  if (focused && focused !== document.activeElement && focused.isConnected && container.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

"""#),
("js/render/virtual-rows.js", #"""
// Which part of a long list is to be seen, whether the list scrolls itself (wide) or the page does (narrow).

const overscan = 400;

/** The span of `rows`, in pixels from its top, to draw: what is visible and some more on both sides. */
export function visibleSpan(scroller, rows) {
  const clip = scroller.getBoundingClientRect();
  const top = rows.getBoundingClientRect().top;
  const from = Math.max(0, clip.top) - top;
  const to = Math.min(window.innerHeight, clip.bottom) - top;
  return { from: from - overscan, to: Math.max(from, to) + overscan, top: from };
}

/** Scrolls by so many pixels whichever of the two scrolls. */
export function scrollByPixels(scroller, pixels) {
  if (scroller.scrollHeight > scroller.clientHeight + 1) scroller.scrollTop += pixels;
  else window.scrollBy(0, pixels);
}

/** Scrolls as little as shows the span `from`–`to` of `rows`; `margin` is covered by what sticks at the top. */
export function reveal(scroller, rows, from, to, margin = 0) {
  const clip = scroller.getBoundingClientRect();
  const top = rows.getBoundingClientRect().top;
  const first = Math.max(margin, clip.top);
  const last = Math.min(window.innerHeight, clip.bottom);
  if (top + from < first) scrollByPixels(scroller, top + from - first);
  else if (top + to > last) scrollByPixels(scroller, top + to - last);
}

"""#),
("js/route.js", #"""
// The address. `#/jobs/ID` is a job's panel, `#/?status=failed&type=prime&q=text` a filtered list; `#/jobs/ID?q=text`
// is both. `#/dead-letters?type=prime&error=timeout` and `#/workers` are pages of their own, with `job=ID` for a panel.

import { cleanDeadFilter } from './state/dead-letters.js';
import { cleanFilter } from './state/filter.js';

/** The pages, each with its path. */
const paths = { queue: '/', 'dead-letters': '/dead-letters', workers: '/workers' };

const textOf = (params, name) => params.get(name) ?? '';

/** `{view, selected}` from a hash, with `filter` or `dead`: what the page of that name filters by. */
export function parseRoute(hash) {
  const [path, query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s);
  const params = new URLSearchParams(query);
  const place = path.replace(/(.)\/$/, '$1');
  if (place === paths.workers) return { view: 'workers', selected: textOf(params, 'job') || null };
  if (place === paths['dead-letters']) {
    const dead = cleanDeadFilter({
      type: textOf(params, 'type'), error: textOf(params, 'error'), queue: textOf(params, 'queue'),
      q: textOf(params, 'q'),
    });
    return { view: 'dead-letters', selected: textOf(params, 'job') || null, dead };
  }
  const match = /^\/jobs\/([^/]+)$/.exec(place);
  let selected = null;
  try {
    selected = match ? decodeURIComponent(match[1]) : null;
  } catch {
    selected = null;
  }
  const filter = cleanFilter({
    status: params.get('status') ?? 'all', type: textOf(params, 'type'), q: textOf(params, 'q'),
  });
  return { view: 'queue', selected, filter };
}

/** The hash of a view. */
export function routeHash({ view = 'queue', selected = null, filter, dead }) {
  const params = new URLSearchParams();
  const put = (names, values) => {
    for (const name of names) if (values?.[name]) params.set(name, values[name]);
  };
  let path = paths[view];
  if (view === 'queue') {
    if (selected) path = `/jobs/${encodeURIComponent(selected)}`;
    if (filter && filter.status !== 'all') params.set('status', filter.status);
    put(['type', 'q'], filter);
  } else {
    if (view === 'dead-letters') put(['type', 'error', 'queue', 'q'], dead);
    if (selected) params.set('job', selected);
  }
  const query = params.toString();
  return `#${path}${query ? `?${query}` : ''}`;
}

/** The hash of what a state shows, with some of it changed. */
export const hashOf = ({ view, selected, collection, dead }, changes = {}) =>
  routeHash({ view, selected, filter: collection.filter, dead: dead.filter, ...changes });

"""#),
("js/state/collection.js", #"""
// The jobs that the page keeps, in order, with what the filter shows of them and counts of both.
//
// A collection is part of the state and never changes; `edit` gives the next one. Changing one job costs O(log n).

import { changed, compareIds, compareKeys, fromWire } from './job.js';
import { NO_FILTER, inStatus, isNarrow, narrowTest } from './filter.js';
import { Tree } from './tree.js';

/** As many jobs are kept; beyond that the last of the list (the oldest that ended) go. */
export const KEEP = 10_000;
/** As many older ones are kept on top while a filter or search shows them. */
export const KEEP_FOUND = 1_000;
const keepRemoved = 5_000;

const noIds = new Tree(compareIds);
const noKeys = new Tree(compareKeys);

/**
 * `horizon`: of jobs submitted up to this time the page may not hold all.
 * `wholeAt`: the clock when it last held all that the server had.
 */
export const emptyCollection = (filter = NO_FILTER) => ({
  jobs: noIds, order: noKeys, shown: noKeys, counts: {}, matching: {}, filter, extra: 0, horizon: 0,
  removed: noIds, removedBefore: noIds, wholeAt: 0,
});

/** A collection to be filled with all jobs of the server, at `clock`. What was removed stays known. */
export const emptied = ({ filter, removed, removedBefore }, clock) =>
  ({ ...emptyCollection(filter), removed, removedBefore, wholeAt: clock });

const isPlain = (filter) => filter.status === 'all' && !isNarrow(filter);

/** An edit under way: a copy of the collection's few fields, over the same trees. */
class Edit {
  constructor(collection) {
    Object.assign(this, collection);
    this.counts = { ...collection.counts };
    this.matching = { ...collection.matching };
    this.matches = narrowTest(collection.filter);
    this.plain = isPlain(collection.filter);
  }

  count(job, step) {
    this.counts[job.status] = (this.counts[job.status] ?? 0) + step;
    if (this.matches(job)) this.matching[job.status] = (this.matching[job.status] ?? 0) + step;
  }

  isShown(job) {
    return inStatus(this.filter, job.status) && this.matches(job);
  }

  put(job) {
    const before = this.jobs.get(job);
    this.jobs = this.jobs.add(job);
    const moved = !before || before.key !== job.key;
    if (before) this.count(before, -1);
    this.count(job, 1);
    if (moved) {
      if (before) this.order = this.order.remove(before.key);
      this.order = this.order.add(job.key);
    }
    if (this.plain) return;
    const wasShown = before ? this.isShown(before) : false;
    const isShown = this.isShown(job);
    if (wasShown && (moved || !isShown)) this.shown = this.shown.remove(before.key);
    if (isShown && (moved || !wasShown)) this.shown = this.shown.add(job.key);
  }

  drop(id) {
    const job = this.jobs.get({ id });
    if (!job) return;
    this.jobs = this.jobs.remove(job);
    this.order = this.order.remove(job.key);
    if (!this.plain) this.shown = this.shown.remove(job.key);
    this.count(job, -1);
  }

  /** Drops `id` and remembers for a while that it was removed, so that an answer under way does not bring it back. */
  remove(id, asOf) {
    this.drop(id);
    this.removed = this.removed.add({ id, asOf });
    if (this.removed.size >= keepRemoved) {
      this.removedBefore = this.removed;
      this.removed = noIds;
    }
  }

  /** Takes a job that was read when the page had seen `asked` events, unless something newer is known of it. */
  takeRead(wire, asked) {
    const held = this.jobs.get(wire);
    if (held && held.asOf > asked) return false;
    // Since then all jobs there are were known, and it was not among them.
    if (!held && asked < this.wholeAt) return false;
    const gone = this.removed.get(wire) ?? this.removedBefore.get(wire);
    if (gone && gone.asOf > asked) return false;
    this.put(fromWire(wire, asked));
    return true;
  }

  /** Takes a job from the server's live events: the newest there is. */
  takeLive(wire, asOf) {
    if (this.removed.get(wire)) this.removed = this.removed.remove(wire);
    if (this.removedBefore.get(wire)) this.removedBefore = this.removedBefore.remove(wire);
    this.put(fromWire(wire, asOf));
  }

  change(id, fields, asOf) {
    const job = this.jobs.get({ id });
    if (job) this.put(changed(job, fields, asOf));
  }

  wasRemoved(id) {
    return this.removed.get({ id }) !== undefined || this.removedBefore.get({ id }) !== undefined;
  }

  done() {
    while (this.jobs.size > KEEP + this.extra) {
      const last = this.jobs.get(this.order.last());
      this.horizon = Math.max(this.horizon, last.created_at ?? 0);
      this.drop(last.id);
    }
    return {
      jobs: this.jobs, order: this.order, shown: this.plain ? this.order : this.shown, counts: this.counts,
      matching: this.matching, filter: this.filter, extra: this.extra,
      horizon: this.horizon, removed: this.removed,
      removedBefore: this.removedBefore, wholeAt: this.wholeAt,
    };
  }
}

/** The collection after `change(edit)`. */
export function edit(collection, change) {
  const draft = new Edit(collection);
  change(draft);
  return draft.done();
}

/** The collection seen through another filter: one look at each job. */
export function refiltered(collection, filter) {
  const matches = narrowTest(filter);
  const plain = isPlain(filter);
  const matching = {};
  const keys = [];
  collection.order.each((key) => {
    const job = collection.jobs.get(key);
    if (!matches(job)) return;
    matching[job.status] = (matching[job.status] ?? 0) + 1;
    if (!plain && inStatus(filter, job.status)) keys.push(key);
  });
  const next = {
    ...collection, filter, matching, shown: plain ? collection.order : Tree.from(keys, compareKeys), extra: 0,
  };
  return next.jobs.size > KEEP ? edit(next, () => {}) : next;
}

"""#),
("js/state/dead-letters.js", #"""
// The page of dead letters: jobs that failed and that no other job took over. What stands there was read from the
// server; `stale` counts the events after which it may be another list.

/** As many of the jobs are kept; the page says so where there are more. */
export const KEEP_DEAD = 1_000;
export const DEAD_PAGE = 50;

const FIELDS = ['type', 'error', 'queue', 'q'];

export const NO_DEAD_FILTER = Object.freeze({ type: '', error: '', queue: '', q: '' });

export const cleanDeadFilter = (filter = {}) =>
  Object.fromEntries(FIELDS.map((name) => [name, String(filter[name] ?? '')]));

export const sameDeadFilter = (a, b) => FIELDS.every((name) => a[name] === b[name]);

/** Whether the filter leaves anything out. */
export const isDeadNarrow = (filter) => FIELDS.some((name) => filter[name].trim() !== '');

/** Whether the filter names one of the groups. */
export const isGroup = (filter) => filter.type !== '' && filter.error !== '';

const given = (filter) =>
  FIELDS.filter((name) => filter[name].trim() !== '').map((name) => [name, filter[name].trim()]);

/** The filter as a query of `GET` and `DELETE /api/dead-letters`. */
export const deadQuery = (filter) => new URLSearchParams(given(filter));

/** The filter as a body of `POST /api/dead-letters/requeue`. */
export const deadBody = (filter) =>
  (isDeadNarrow(filter) ? { filter: Object.fromEntries(given(filter)) } : { all: true });

/** `total` is null until the first answer. */
export const noDeadLetters = (filter = NO_DEAD_FILTER) => ({
  filter: cleanDeadFilter(filter), total: null, groups: [], jobs: [], next: null, fault: null, act: null, stale: 0,
});

/** What happens to jobs that may change what is dead. */
const changing = new Set(['queue_state', 'job_failed', 'job_changed', 'jobs_removed', 'changed']);

/** `state` after `event`, of which `before` is the state without it: notes that the list may be another one now. */
export function noteDead(state, before, event) {
  if (state === before || !changing.has(event.type)) return state;
  return { ...state, dead: { ...state.dead, stale: state.dead.stale + 1 } };
}

const dead = (state, fields) => ({ ...state, dead: { ...state.dead, ...fields } });

/** A job as the list shows it: without params and result, which may be long. */
const listed = ({ params, result, metadata, ...job }) => job;

export const deadHandlers = {
  dead_filtered(state, { filter }) {
    const wanted = cleanDeadFilter({ ...state.dead.filter, ...filter });
    if (sameDeadFilter(wanted, state.dead.filter)) return state;
    return { ...state, dead: { ...noDeadLetters(wanted), act: state.dead.act, stale: state.dead.stale + 1 } };
  },

  dead_read(state, { filter, total, groups, jobs, next }) {
    if (!sameDeadFilter(filter, state.dead.filter)) return state;
    return dead(state, { total, groups, jobs: jobs.map(listed), next, fault: null });
  },

  /** The jobs after those that are there. */
  dead_more(state, { filter, jobs, next }) {
    if (!sameDeadFilter(filter, state.dead.filter)) return state;
    const known = new Set(state.dead.jobs.map(({ id }) => id));
    const more = jobs.filter(({ id }) => !known.has(id)).map(listed);
    return dead(state, { jobs: [...state.dead.jobs, ...more].slice(0, KEEP_DEAD), next });
  },

  dead_failed: (state, { filter, message }) =>
    sameDeadFilter(filter, state.dead.filter) ? dead(state, { fault: message }) : state,

  /** What is being done to many: `requeue`, `purge`, or null. */
  dead_acting: (state, { act }) => dead(state, { act }),
  dead_wanted: (state) => dead(state, { stale: state.dead.stale + 1 }),
};

"""#),
("js/state/detail.js", #"""
// The chosen job, of which the panel shows more than the list keeps.

import { canRetry } from './job.js';

/** `after` holds the jobs that took over and that the list does not have; of one that was removed only id and `gone`. */
export const newDetail = (id) =>
  ({ id, whole: null, history: null, after: [], fault: null, gone: false, stale: 0 });

/** How many jobs of a chain are looked at. */
export const mostLinks = 100;

/** The jobs that took over from `job`, one after the other; ends with null where the next one is not known. */
function takeovers(job, { collection, detail }) {
  const chain = [];
  for (let id = job?.escalated_to; id && chain.length < mostLinks; id = chain.at(-1)?.escalated_to) {
    const { jobs, removed, removedBefore } = collection;
    const next = jobs.get({ id }) ?? detail?.after.find((other) => other.id === id) ?? null;
    if (next?.gone || (!next && (removed.get({ id }) || removedBefore.get({ id })))) break;
    chain.push(next);
  }
  return chain;
}

/** The job that a retry of `job` lets run again, itself or the last that took over; null where there is none. */
export function retryTarget(job, state) {
  const last = takeovers(job, state).at(-1);
  const target = last === undefined ? job : last;
  return canRetry(target) ? target : null;
}

/** The chosen job: what was read of it, under what the list knows better. */
export function detailJob({ detail, collection }) {
  if (!detail) return null;
  const held = collection.jobs.get({ id: detail.id });
  if (!detail.whole) return held ?? null;
  if (!held) return detail.whole;
  const same = held.status === detail.whole.status && held.attempt === detail.whole.attempt;
  return { ...detail.whole, ...held, error: same ? detail.whole.error : held.error, params: detail.whole.params,
    result: detail.whole.result, progress: held.progress ?? (same ? detail.whole.progress : null) };
}

"""#),
("js/state/filter.js", #"""
// Which jobs the list shows. A filter is {status, type, q}: status one of FILTERS, the others '' for any.

import { ENDED, isWaiting } from './job.js';

export const FILTERS = ['all', 'running', 'waiting', 'completed', 'failed', 'cancelled'];
export const NO_FILTER = Object.freeze({ status: 'all', type: '', q: '' });

/** A filter with nothing in it that is not allowed. */
export function cleanFilter({ status = 'all', type = '', q = '' } = {}) {
  return { status: FILTERS.includes(status) ? status : 'all', type: String(type), q: String(q) };
}

export const sameFilter = (a, b) => a.status === b.status && a.type === b.type && a.q === b.q;
export const isNarrow = (filter) => filter.type !== '' || filter.q.trim() !== '';

/** Whether the job's status is in the chosen group. */
export function inStatus(filter, status) {
  if (filter.status === 'all') return true;
  return filter.status === 'waiting' ? isWaiting(status) : filter.status === status;
}

/** A test of type and text, made once for each filter. */
export function narrowTest(filter) {
  const text = filter.q.trim().toLowerCase();
  const { type } = filter;
  return (job) => (type === '' || job.type === type) && (text === '' || job.text.includes(text));
}

/** The same question to the server: the query of GET /api/jobs. */
export function serverQuery(filter) {
  const query = new URLSearchParams();
  if (filter.status === 'waiting') query.set('status', 'pending,retrying,scheduled,blocked');
  else if (filter.status !== 'all') query.set('status', filter.status);
  if (filter.type) query.set('type', filter.type);
  if (filter.q.trim()) query.set('q', filter.q.trim());
  return query;
}

/** Counts by status, summed into the groups of the filter's buttons. */
export function filterCounts(counts) {
  const of = (status) => counts[status] ?? 0;
  const waiting = of('pending') + of('retrying') + of('scheduled') + of('blocked');
  const ended = ENDED.reduce((sum, status) => sum + of(status), 0);
  return {
    all: of('running') + waiting + ended, running: of('running'), waiting,
    completed: of('completed'), failed: of('failed'), cancelled: of('cancelled'),
  };
}

/** How many jobs would be cancelled by "cancel all shown". */
export const cancellable = ({ matching, filter }) => {
  const counts = filterCounts(matching);
  if (filter.status === 'all') return counts.running + counts.waiting;
  return filter.status === 'running' || filter.status === 'waiting' ? counts[filter.status] : 0;
};

"""#),
("js/state/job.js", #"""
// A job as the list keeps it: the wire's fields but for the heavy ones, and what sorting and searching need.

export const WAITING = ['pending', 'retrying', 'scheduled', 'blocked'];
export const ENDED = ['completed', 'failed', 'cancelled'];
export const STATUSES = ['running', ...WAITING, ...ENDED];

/** The three groups of the queue, in their order. */
export const GROUPS = ['running', 'waiting', 'ended'];

export const isOver = (status) => ENDED.includes(status);
export const isWaiting = (status) => WAITING.includes(status);

export const canCancel = (job) => Boolean(job) && !isOver(job.status);
export const canRetry = (job) => job?.status === 'failed' || job?.status === 'cancelled';

/** 0 running, 1 waiting, 2 ended. */
export const groupOf = (status) => (status === 'running' ? 0 : isOver(status) ? 2 : 1);

const excerptLength = 300;
const summaryLength = 120;

const cut = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

function brief(value) {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.slice(0, 20).map(brief).join(', ');
  if (value && typeof value === 'object') return cut(JSON.stringify(value), summaryLength);
  return String(value);
}

/** One line that tells jobs of a type apart: its params in few words. */
export function summaryOf(params) {
  if (!params || typeof params !== 'object') return '';
  let text = '';
  for (const [name, value] of Object.entries(params)) {
    if (text.length > summaryLength) break;
    text += `${text ? ' · ' : ''}${name} ${cut(brief(value), summaryLength)}`;
  }
  return cut(text, summaryLength);
}

function shortError(error) {
  if (!error) return null;
  if (typeof error === 'string') return { type: 'handler', message: cut(error, excerptLength), attempt: null };
  return { ...error, message: cut(String(error.message ?? ''), excerptLength) };
}

function shortProgress(progress) {
  if (!progress) return null;
  const percent = Math.min(100, Math.max(0, Number(progress.percent) || 0));
  return { percent, message: progress.message ? cut(String(progress.message), excerptLength) : '' };
}

const searchable = (job) =>
  [job.id, job.type, job.queue, job.summary, job.error?.message ?? '', job.error?.type ?? '',
    ...Object.entries(job.tags ?? {}).map(([key, value]) => `${key}:${value}`)].join('\n').toLowerCase();

/** Newest first within a group: by when it started, was submitted, or ended. */
const timeOf = (job, group) =>
  (group === 0 ? job.started_at : group === 2 ? job.completed_at : null) ?? job.created_at ?? 0;

/** Puts the derived fields on; `before` lends what did not change. */
function derived(job, before) {
  const group = groupOf(job.status);
  const time = timeOf(job, group);
  const key = before?.key;
  job.key = key && key.group === group && key.time === time ? key : { group, time, id: job.id };
  const same = before && before.error === job.error && before.tags === job.tags && before.queue === job.queue;
  job.text = same ? before.text : searchable(job);
  return job;
}

/** The list's form of a job from the wire; `asOf` is the count of events it includes. */
export function fromWire(wire, asOf) {
  const { params, result, metadata, ...rest } = wire;
  const job = {
    ...rest, queue: wire.queue ?? 'default', priority: wire.priority ?? 'normal', tags: wire.tags ?? {},
    progress: shortProgress(wire.progress), error: shortError(wire.error), summary: summaryOf(params), asOf,
  };
  return derived(job);
}

/** `job` with some fields of the wire changed. */
export function changed(job, fields, asOf) {
  const next = { ...job, ...fields, asOf };
  if ('error' in fields) next.error = shortError(fields.error);
  if ('progress' in fields) next.progress = shortProgress(fields.progress);
  return derived(next, job);
}

/** How many retries are used up. */
export const retriesUsed = (job) => Math.min(job.retry_count ?? 0, job.max_retries ?? 0);

/** The number of the last attempt there can be, if none is lost or released from now on. */
export function lastAttempt(job) {
  const left = Math.max(0, (job.max_retries ?? 0) - (job.retry_count ?? 0));
  if (isOver(job.status) && job.status !== 'completed') return job.attempt;
  return job.attempt + left + (job.status === 'retrying' ? 1 : 0);
}

export function compareKeys(a, b) {
  if (a.group !== b.group) return a.group - b.group;
  if (a.time !== b.time) return b.time - a.time;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

export const compareIds = (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

"""#),
("js/state/output.js", #"""
// The output of the chosen job, as it comes: lines in blocks that never change once they are full, so that a new line
// costs no more among thousands than among ten.

import { lastWritten } from '../text/output.js';

/** As many lines are kept, and as many characters; what came before them is in `stint logs`. */
export const KEEP_LINES = 2_000;
export const KEEP_CHARACTERS = 1_000_000;
const blockSize = 100;
/** A line that is longer is cut. */
export const LONGEST_LINE = 8_000;
const keepPlaces = 200;

/**
 * `blocks` of {key, entries, lines, characters}; an entry is a `line`, a `heading` of an attempt, or a `gap`.
 * `job` and `attempt`: of what came last. `places`: the last number that was seen of each attempt.
 */
export const noOutput = (id = null) => ({
  id, blocks: [], lines: 0, characters: 0, dropped: 0, job: id, attempt: 0, places: {}, ended: false, fault: null,
  nextKey: 0,
});

const sizeOf = (entry) => (entry.kind === 'line' ? entry.text.length : 0);

/** The last line that another piece of the same stream goes on with. */
function openLine(block, stream) {
  const last = block?.entries.at(-1);
  return last?.kind === 'line' && last.open && last.stream === stream ? last : null;
}

/** An edit under way; the last block is copied once. */
class Edit {
  constructor(output) {
    Object.assign(this, output);
    this.blocks = [...output.blocks];
    this.places = { ...output.places };
    this.isOwn = false;
  }

  /** The block to write into. */
  block() {
    const last = this.blocks.at(-1);
    if (last && last.entries.length < blockSize) {
      if (this.isOwn) return last;
      const copy = { ...last, entries: [...last.entries] };
      this.blocks[this.blocks.length - 1] = copy;
      this.isOwn = true;
      return copy;
    }
    const block = { key: `lines-${this.nextKey}`, entries: [], lines: 0, characters: 0 };
    this.nextKey += 1;
    this.blocks.push(block);
    this.isOwn = true;
    return block;
  }

  put(entry) {
    const block = this.block();
    block.entries.push(entry);
    const isLine = entry.kind === 'line' ? 1 : 0;
    block.lines += isLine;
    block.characters += sizeOf(entry);
    this.lines += isLine;
    this.characters += sizeOf(entry);
  }

  /** Takes the last entry back, to write it anew. */
  takeBack() {
    const last = this.blocks.at(-1);
    const block = this.isOwn ? last : { ...last, entries: [...last.entries] };
    this.blocks[this.blocks.length - 1] = block;
    this.isOwn = true;
    const entry = block.entries.pop();
    block.lines -= 1;
    block.characters -= sizeOf(entry);
    this.lines -= 1;
    this.characters -= sizeOf(entry);
  }

  line(stream, text, open, wasCut = false) {
    const cut = wasCut || text.length > LONGEST_LINE;
    this.put({ kind: 'line', stream, text: text.slice(0, LONGEST_LINE), open, cut });
  }

  chunk({ job, attempt, number, stream, text }) {
    const place = `${job} ${attempt}`;
    if (number <= (this.places[place] ?? 0)) return;
    if (attempt !== this.attempt || job !== this.job) this.heading(job, attempt);
    this.places[place] = number;
    const parts = text.split('\n');
    const begun = openLine(this.blocks.at(-1), stream);
    if (begun) {
      // Of a line that was cut the rest is not kept.
      this.takeBack();
      this.line(stream, begun.cut ? begun.text : lastWritten(begun.text + parts[0]), parts.length === 1, begun.cut);
    } else if (parts.length > 1 || parts[0] !== '') {
      this.line(stream, lastWritten(parts[0]), parts.length === 1);
    }
    parts.slice(1).forEach((part, index) => {
      const isLast = index === parts.length - 2;
      if (!isLast || part !== '') this.line(stream, lastWritten(part), isLast);
    });
  }

  heading(job, attempt) {
    this.job = job;
    this.attempt = attempt;
    // Where the stream was taken up again, the heading is there already.
    const place = `${job} ${attempt}`;
    if (place in this.places) return;
    this.places[place] = 0;
    this.put({ kind: 'heading', job, attempt });
  }

  done() {
    while (this.blocks.length > 1 && (this.lines > KEEP_LINES || this.characters > KEEP_CHARACTERS)) {
      const [gone] = this.blocks.splice(0, 1);
      this.lines -= gone.lines;
      this.characters -= gone.characters;
      this.dropped += gone.lines;
    }
    const names = Object.keys(this.places);
    for (const name of names.slice(0, Math.max(0, names.length - keepPlaces))) delete this.places[name];
    const { isOwn, ...output } = this;
    return output;
  }
}

const acts = {
  /** The stream begins, or goes on. */
  open(edit) {
    edit.fault = null;
    edit.ended = false;
  },
  attempt: (edit, { job, attempt }) => edit.heading(job, attempt),
  chunk: (edit, item) => edit.chunk(item),
  gap: (edit) => edit.put({ kind: 'gap' }),
  end(edit) {
    edit.ended = true;
  },
  fault(edit, { message }) {
    edit.fault = message;
  },
};

export const outputHandlers = {
  output_received(state, { id, items }) {
    if (state.output.id !== id || items.length === 0) return state;
    const edit = new Edit(state.output);
    for (const item of items) acts[item.kind]?.(edit, item);
    return { ...state, output: edit.done() };
  },
};

"""#),
("js/state/params.js", #"""
// What a form's fields mean and what is wrong with them: the rules the server has, checked before sending.
//
// Fields come as text or booleans, by name. Messages are worded as the server's.

const quoted = (text) => JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);

export function rangeText({ min, max }) {
  if (min != null && max != null) return `${min} to ${max}`;
  if (min != null) return `${min} or more`;
  return max != null ? `${max} or less` : 'any';
}

const outside = (number, { min, max }) => (min != null && number < min) || (max != null && number > max);

const isNoNumber = (text) => text.trim() === '' || !Number.isFinite(Number(text));

const readers = {
  integer(text, param) {
    const number = Number(text);
    if (isNoNumber(text)) return { fault: `${quoted(text)} is a string, expected an integer` };
    if (!Number.isInteger(number)) return { fault: `${number} is a number, expected an integer` };
    return outside(number, param)
      ? { fault: `${number} is out of range, allowed is ${rangeText(param)}` } : { value: number };
  },
  number(text, param) {
    const number = Number(text);
    if (isNoNumber(text)) return { fault: `${quoted(text)} is a string, expected a number` };
    return outside(number, param)
      ? { fault: `${number} is out of range, allowed is ${rangeText(param)}` } : { value: number };
  },
  string(text, param) {
    const count = [...text].length;
    return outside(count, param)
      ? { fault: `${quoted(text)} has ${count} characters, allowed are ${rangeText(param)}` } : { value: text };
  },
  path: (text, param) => readers.string(text, param),
  array(text, param) {
    const numeric = Array.isArray(param.default) && param.default.some((element) => typeof element === 'number');
    const lines = text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
    const value = numeric ? lines.map((line) => (Number.isFinite(Number(line)) ? Number(line) : line)) : lines;
    const least = param.min_items ?? 0;
    if (value.length < least || (param.max_items != null && value.length > param.max_items)) {
      return { fault: `${value.length} elements, allowed are ${least} to ${param.max_items ?? 'any number'}` };
    }
    return { value };
  },
  object(text) {
    try {
      const value = JSON.parse(text);
      if (value !== null && typeof value === 'object' && !Array.isArray(value)) return { value };
    } catch (error) {
      return { fault: `is not JSON: ${error.message}` };
    }
    return { fault: 'is JSON, but not an object' };
  },
};

function readChoice(text, choices) {
  const value = choices.find((choice) => choiceText(choice) === text);
  const all = choices.map((choice) => JSON.stringify(choice)).join(', ');
  return value === undefined ? { fault: `${quoted(text)} is not one of ${all}` } : { value };
}

/** A choice as an option's value. */
export const choiceText = (choice) => (typeof choice === 'string' ? choice : JSON.stringify(choice));

/** A default as the text of its field. */
export function fieldText(param) {
  const value = param.default;
  if (value == null) return '';
  if (param.choices) return choiceText(value);
  if (param.type === 'array') return value.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)))
    .join('\n');
  return param.type === 'object' ? JSON.stringify(value, null, 2) : String(value);
}

/** The params of a type from its form: `{params, faults}`, faults by the param's name. */
export function readParams(type, fields) {
  const params = {};
  const faults = {};
  for (const param of type.params) {
    const given = fields[param.name];
    if (param.type === 'boolean' && !param.choices) {
      params[param.name] = Boolean(given);
      continue;
    }
    const text = String(given ?? '');
    const blank = param.type === 'string' || param.type === 'path' ? text === '' : text.trim() === '';
    if (blank) {
      if (param.required) faults[param.name] = 'is required';
      continue;
    }
    const { value, fault } = param.choices
      ? readChoice(text, param.choices) : (readers[param.type] ?? readers.string)(text, param);
    if (fault) faults[param.name] = fault;
    else params[param.name] = value;
  }
  return { params, faults };
}

const nameRule = /^[A-Za-z0-9._:-]{1,128}$/;
const durationRule = /^\s*(?=\S)(?:\d+(?:\.\d+)?\s*(?:ms|us|d|h|m|s)\s*)+$/i;

/** Seconds from `90`, or text such as `5m` for the server to read; undefined if it is no duration. */
export function readDuration(text) {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  return durationRule.test(trimmed) ? trimmed : undefined;
}

const wrongDuration = (text) => `${quoted(text)} is no duration; allowed are seconds or text such as 90s, 5m, 1h30m`;

function readTags(text) {
  const tags = {};
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const place = line.indexOf('=');
    if (place < 1) return { fault: `${quoted(line)}: one tag a line, as key=value` };
    const key = line.slice(0, place).trim();
    const value = line.slice(place + 1).trim();
    if (key === '' || [...key].length > 256 || [...value].length > 256) {
      return { fault: `${quoted(key)}: key and value are 256 characters at most, the key at least 1` };
    }
    tags[key] = value;
  }
  const count = Object.keys(tags).length;
  return count > 32 ? { fault: `${count} tags; allowed are 32` } : { value: tags };
}

/** The options of a submission that the form offers. */
export const OPTION_FIELDS = ['queue', 'priority', 'delay', 'max_retries', 'timeout_seconds', 'tags', 'id'];

/** The options of a submission from their fields: `{options, faults}`. What is left empty is not sent. */
export function readOptions(fields) {
  const options = {};
  const faults = {};
  const given = (name) => (fields[name] ?? '').trim() !== '';
  for (const name of ['id', 'queue']) {
    if (!given(name)) continue;
    const value = fields[name].trim();
    if (nameRule.test(value)) options[name] = value;
    else faults[name] = `${quoted(value)}: a name is 1 to 128 characters of A-Z a-z 0-9 . _ : -`;
  }
  if (options.queue === 'default') delete options.queue;
  if (given('priority') && fields.priority !== 'normal') options.priority = fields.priority;
  for (const name of ['delay', 'timeout_seconds']) {
    if (!given(name)) continue;
    const value = readDuration(fields[name]);
    if (value === undefined) faults[name] = wrongDuration(fields[name]);
    else if (name === 'timeout_seconds' && value === 0) faults[name] = '0 s must be more than 0';
    else options[name] = value;
  }
  if (given('max_retries')) {
    const { value, fault } = readers.integer(fields.max_retries, { min: 0, max: 10_000 });
    if (fault) faults.max_retries = fault;
    else options.max_retries = value;
  }
  if (given('tags')) {
    const { value, fault } = readTags(fields.tags);
    if (fault) faults.tags = fault;
    else if (Object.keys(value).length > 0) options.tags = value;
  }
  return { options, faults };
}

/** The server's `details`, by field: `params.seconds` and `tags.team` belong to `seconds` and `tags`. */
export function faultsByField(details, fieldNames) {
  const faults = {};
  const rest = [];
  for (const { param, message } of details ?? []) {
    const bare = String(param).replace(/^params\./, '');
    const name = [bare, bare.split('.')[0].split('[')[0], bare === 'timeout' ? 'timeout_seconds' : bare]
      .find((candidate) => fieldNames.includes(candidate));
    if (name) faults[name] = faults[name] ? `${faults[name]}; ${message}` : message;
    else rest.push(`${param}: ${message}`);
  }
  return { faults, rest };
}

"""#),
("js/state/reducer.js", #"""
// (state, event) → state. Everything the page knows goes through here: the server's messages as they come over the
// WebSocket, answers of the REST interface, and what the person does. Pure: no clock, no network, no document.
//
// Events of the server keep their names (queue_state, job_started, …; see docs/websocket.md). `clock` counts those
// that concern jobs: an answer of the REST interface carries `asked`, the clock when it was asked for, and loses
// against anything that came later. So answers may come late and events twice.

import { deadHandlers, noDeadLetters, noteDead } from './dead-letters.js';
import { edit, emptied, emptyCollection, refiltered, KEEP_FOUND } from './collection.js';
import { newDetail } from './detail.js';
import { NO_FILTER, cleanFilter, sameFilter } from './filter.js';
import { compareIds, groupOf, isOver } from './job.js';
import { noOutput, outputHandlers } from './output.js';
import { samplesFromJobs, withSample } from './samples.js';
import { Tree } from './tree.js';
import { noWorkers, workerHandlers } from './workers.js';

const noIds = new Tree(compareIds);
const mostUnread = 1_000;
const mostNotices = 3;

export const closedForm = Object.freeze({ type: null, faults: {}, message: '', busy: false, round: 0 });

export function initialState({
  now = 0, view = 'queue', filter = NO_FILTER, dead, selected = null, theme = 'system',
} = {}) {
  return {
    now,
    clock: 0,
    view,
    collection: emptyCollection(cleanFilter(filter)),
    hasMore: false,
    loaded: false,
    sweep: { number: 0, since: 0, active: false, partial: false },
    unread: noIds,
    stateWanted: 0,
    stats: null,
    samples: [],
    connection: { state: 'connecting', attempt: 0, retryAt: null, since: now },
    session: null,
    types: null,
    selected,
    detail: selected ? newDetail(selected) : null,
    output: noOutput(selected),
    dead: noDeadLetters(dead),
    workers: noWorkers,
    form: closedForm,
    dialog: null,
    signIn: { busy: false, fault: null },
    bulk: null,
    notices: [],
    theme,
  };
}

/** The state after `event`; the same object if nothing changed. */
export function reduce(state, event) {
  const handler = handlers[event.type];
  return handler ? noteDead(handler(state, event), state, event) : state;
}

/** One more event about jobs: `change(edit, clock)` does it. */
function live(state, change) {
  const clock = state.clock + 1;
  return { ...state, clock, collection: edit(state.collection, (draft) => change(draft, clock)) };
}

/** An event about one job, that gives its new fields, or null for "stale: leave it". */
function move(state, id, fieldsOf) {
  const job = state.collection.jobs.get({ id });
  if (!job) return withUnread(state, [id]);
  const fields = fieldsOf(job);
  if (!fields) return state;
  const next = live(state, (draft, clock) => draft.change(id, fields, clock));
  if (!state.detail || state.detail.id !== id || !fields.status) return next;
  return { ...next, detail: { ...state.detail, stale: state.detail.stale + 1 } };
}

/** Notes ids of which something is known to have happened, but not what; and when, as this too is an event. */
function withUnread(state, ids) {
  const clock = state.clock + 1;
  const { removed, removedBefore } = state.collection;
  let { unread } = state;
  for (const id of ids) {
    if (unread.size >= mostUnread && !unread.get({ id })) continue;
    if (!removed.get({ id }) && !removedBefore.get({ id })) unread = unread.add({ id, clock });
  }
  return unread === state.unread ? state : { ...state, clock, unread };
}

/** Takes `id` off the unread ones, unless something happened to it after the answer was asked for. */
const withoutUnread = (unread, id, asked) => (unread.get({ id })?.clock > asked ? unread : unread.remove({ id }));

const attemptIsOld = (job, attempt) => typeof attempt === 'number' && attempt < job.attempt;

/** How long the attempt that ended had run, where the event does not say. */
const took = (job, end) => (job.status === 'running' && job.started_at && end ? end - job.started_at
  : job.duration_seconds);

const ended = (status) => (state, event) =>
  move(state, event.job_id, (job) => {
    if (attemptIsOld(job, event.attempt)) return null;
    return {
      status, attempt: event.attempt ?? job.attempt, completed_at: event.completed_at ?? state.now,
      duration_seconds: event.duration_seconds ?? took(job, event.completed_at), next_retry_at: null,
      ...(status === 'completed' ? { error: null } : {}),
      ...(status === 'failed' ? { error: event.error, escalated_to: event.escalated_to ?? job.escalated_to } : {}),
      ...(status === 'cancelled' ? { cancelled_by: event.cancelled_by ?? null } : {}),
    };
  });

/** A whole job from a live event. */
function takeLive(state, event) {
  const next = live(state, (draft, clock) => draft.takeLive(event.job, clock));
  if (state.detail?.id !== event.job.id) return next;
  return { ...next, detail: { ...state.detail, gone: false, stale: state.detail.stale + 1 } };
}

/** How many jobs of each group the server has. */
function groupSizes(stats) {
  const sizes = [0, 0, 0];
  for (const status of ['running', 'pending', 'retrying', 'scheduled', 'blocked', 'completed', 'failed', 'cancelled']) {
    sizes[groupOf(status)] += stats?.[status] ?? 0;
  }
  return sizes;
}

/** Where the state holds all jobs of a group, the jobs of that group which are not in it are gone. */
function dropAbsent(draft, jobs, stats) {
  const present = new Set();
  const here = [0, 0, 0];
  for (const job of jobs) {
    present.add(job.id);
    here[groupOf(job.status)] += 1;
  }
  const all = groupSizes(stats);
  const absent = [];
  draft.order.each((key) => {
    if (here[key.group] >= all[key.group] && !present.has(key.id)) absent.push(key.id);
  });
  for (const id of absent) draft.drop(id);
}

function removeFromDetail(state, ids) {
  if (!state.detail || !ids.includes(state.detail.id)) return state.detail;
  return { ...state.detail, gone: true };
}

const only = (state, fields) => ({ ...state, ...fields });

const handlers = {
  ...deadHandlers,
  ...outputHandlers,
  ...workerHandlers,

  // The server's messages.

  queue_state(state, { jobs, stats, has_more: hasMore = false }) {
    const clock = state.clock + 1;
    const start = hasMore ? state.collection : emptied(state.collection, clock);
    const collection = edit(start, (draft) => {
      if (hasMore) dropAbsent(draft, jobs, stats);
      for (const job of jobs) draft.takeLive(job, clock);
    });
    const next = only(state, {
      clock, collection, hasMore, loaded: true, stats: stats ?? state.stats, unread: noIds, stateWanted: 0,
    });
    // A load of pages under way is older than the whole state: its number is no longer the one that counts.
    if (!hasMore) next.sweep = { ...state.sweep, number: state.sweep.number + 1, active: false, partial: false };
    if (state.samples.length === 0) next.samples = samplesFromJobs(collection.jobs, Math.floor(state.now));
    if (state.detail) next.detail = { ...state.detail, stale: state.detail.stale + 1 };
    return next;
  },

  job_created: takeLive,
  job_changed: takeLive,

  job_started(state, event) {
    return move(state, event.job_id, (job) => {
      const { attempt = job.attempt } = event;
      if (attempt < job.attempt || (attempt === job.attempt && attempt > 0 && job.status !== 'running')) return null;
      return {
        status: 'running', attempt, started_at: event.started_at, worker_id: event.worker_id ?? null,
        completed_at: null, duration_seconds: null, next_retry_at: null, error: job.error,
        progress: attempt === job.attempt ? job.progress : null,
      };
    });
  },

  job_progress(state, event) {
    return move(state, event.job_id, (job) =>
      isOver(job.status) ? null : { progress: { percent: event.percent, message: event.message } });
  },

  job_completed: ended('completed'),
  job_failed: ended('failed'),
  job_cancelled: ended('cancelled'),

  job_retrying(state, event) {
    return move(state, event.job_id, (job) =>
      attemptIsOld(job, event.attempt) ? null : {
        status: 'retrying', attempt: event.attempt ?? job.attempt, retry_count: event.retry_count ?? job.retry_count,
        next_retry_at: event.next_retry_at ?? null, error: event.error, started_at: null, worker_id: null,
      });
  },

  jobs_removed(state, { job_ids: ids }) {
    const next = live(state, (draft, clock) => ids.forEach((id) => draft.remove(id, clock)));
    let { unread } = next;
    for (const id of ids) unread = unread.remove({ id });
    return { ...next, unread, detail: removeFromDetail(state, ids) };
  },

  stats_update: (state, { stats }) => only(state, { stats }),

  changed(state, { job_ids: ids }) {
    return { ...withUnread(state, ids), clock: state.clock + 1, stateWanted: state.stateWanted + 1 };
  },

  // Answers of the REST interface.

  job_read(state, { job, asked }) {
    const collection = edit(state.collection, (draft) => draft.takeRead(job, asked));
    return { ...state, collection, unread: withoutUnread(state.unread, job.id, asked) };
  },

  /** A job that was asked for does not exist (any more). */
  job_missing(state, { id }) {
    const next = live(state, (draft, clock) => draft.remove(id, clock));
    return { ...next, unread: state.unread.remove({ id }), detail: removeFromDetail(state, [id]) };
  },

  statuses_read(state, { statuses, asked }) {
    const clock = state.clock;
    let { unread } = state;
    const missing = [];
    const collection = edit(state.collection, (draft) => {
      for (const entry of statuses) {
        unread = withoutUnread(unread, entry.id, asked);
        const held = draft.jobs.get(entry);
        if (!held || held.asOf > asked) continue;
        if (entry.status === 'not_found') {
          missing.push(entry.id);
          draft.remove(entry.id, clock);
          continue;
        }
        const { id, type, ...fields } = entry;
        const duration = entry.completed_at && entry.started_at ? entry.completed_at - entry.started_at : null;
        draft.change(id, { ...fields, duration_seconds: duration }, asked);
      }
    });
    return { ...state, collection, unread, detail: removeFromDetail(state, missing) };
  },

  /** The background load of all pages has begun again. */
  sweep_started(state, { number }) {
    const sweep = { number, since: state.clock, active: true, partial: state.sweep.partial };
    return { ...state, sweep, collection: { ...state.collection, horizon: 0 } };
  },

  page_read(state, { number, jobs, asked }) {
    if (number !== state.sweep.number) return state;
    return { ...state, collection: edit(state.collection, (draft) => jobs.forEach((job) => draft.takeRead(job,
      asked))) };
  },

  /** All pages were read: down to jobs of the time `until`, 0 for all. What was not in them is gone. */
  sweep_ended(state, { number, until, complete }) {
    if (number !== state.sweep.number) return state;
    const { since } = state.sweep;
    const absent = [];
    if (complete) {
      state.collection.jobs.each((job) => {
        if (job.asOf < since && job.created_at > until) absent.push(job.id);
      });
    }
    const collection = edit(state.collection, (draft) => {
      absent.forEach((id) => draft.drop(id));
      draft.horizon = Math.max(draft.horizon, until);
    });
    return { ...state, collection, sweep: { ...state.sweep, active: false, partial: until > 0 } };
  },

  sweep_failed: (state, { number }) =>
    number === state.sweep.number ? only(state, { sweep: { ...state.sweep, active: false, partial: true } }) : state,

  /** Older jobs that the server found for the present filter. */
  jobs_found(state, { jobs, asked, filter }) {
    if (!sameFilter(filter, state.collection.filter)) return state;
    const collection = edit(state.collection, (draft) => {
      for (const job of jobs) {
        const isNew = !draft.jobs.get(job);
        if (isNew && draft.extra >= KEEP_FOUND) break;
        if (draft.takeRead(job, asked) && isNew) draft.extra += 1;
      }
    });
    return { ...state, collection };
  },

  types_read: (state, { types }) => only(state, { types }),
  session_read: (state, { session }) => only(state, { session, dialog: state.dialog === 'sign-in' ? null
    : state.dialog }),
  unauthorized: (state) => only(state, { dialog: 'sign-in', session: null }),

  detail_read(state, { job, after = [], asked }) {
    if (state.detail?.id !== job.id) return state;
    const next = handlers.job_read(state, { job, asked });
    return { ...next, detail: { ...state.detail, whole: job, after, fault: null, gone: false } };
  },
  history_read: (state, { id, history }) =>
    state.detail?.id === id ? only(state, { detail: { ...state.detail, history } }) : state,
  detail_failed: (state, { id, message }) =>
    state.detail?.id === id ? only(state, { detail: { ...state.detail, fault: message } }) : state,

  // The connection and the time.

  connection: (state, { connection }) => only(state, { connection: { ...connection, since: state.now } }),

  tick(state, { now }) {
    if (now <= state.now) return state;
    const next = only(state, { now });
    const second = Math.floor(now);
    if (second > Math.floor(state.now) && state.stats && state.connection.state === 'open') {
      next.samples = withSample(state.samples, second, state.stats);
    }
    return next;
  },

  // The person.

  filtered(state, { filter }) {
    const wanted = cleanFilter({ ...state.collection.filter, ...filter });
    if (sameFilter(wanted, state.collection.filter)) return state;
    return only(state, { collection: refiltered(state.collection, wanted) });
  },
  selected: (state, { id }) => (id === state.selected ? state
    : only(state, { selected: id, detail: id ? newDetail(id) : null, output: noOutput(id) })),
  viewed: (state, { view }) => (view === state.view ? state : only(state, { view })),
  form_opened: (state, { jobType }) =>
    only(state, { form: { ...closedForm, type: jobType, round: state.form.round + 1 } }),
  form_closed: (state) => only(state, { form: { ...closedForm, round: state.form.round + 1 } }),
  form_sending: (state) => only(state, { form: { ...state.form, busy: true, message: '', faults: {} } }),
  // An answer carries the `round` it is for: the form may be another one by then.
  form_refused: (state, { faults = {}, message = '', round = state.form.round }) =>
    round === state.form.round ? only(state, { form: { ...state.form, busy: false, faults, message } }) : state,
  form_accepted: (state, { round = state.form.round }) =>
    round === state.form.round ? only(state, { form: { ...state.form, busy: false, faults: {}, message: '' } }) : state,
  dialog_opened: (state, { dialog }) => only(state, { dialog }),
  dialog_closed: (state) => (state.dialog ? only(state, { dialog: null }) : state),
  sign_in: (state, { signIn }) => only(state, { signIn }),
  bulk: (state, { bulk }) => only(state, { bulk }),
  theme_chosen: (state, { theme }) => only(state, { theme }),
  notice_shown: (state, { notice }) => only(state, { notices: [notice, ...state.notices].slice(0, mostNotices) }),
  notice_gone: (state, { id }) => only(state, { notices: state.notices.filter((notice) => notice.id !== id) }),
};

"""#),
("js/state/samples.js", #"""
// The chart's points: one a second, five minutes of them.

export const SAMPLE_SECONDS = 300;

const waitingIn = (stats) =>
  (stats.pending ?? 0) + (stats.retrying ?? 0) + (stats.scheduled ?? 0) + (stats.blocked ?? 0);

/** `samples` with the point of this second, and without what is older than five minutes. */
export function withSample(samples, second, stats) {
  const last = samples[samples.length - 1];
  if (last && second < last.at) return samples;
  const point = { at: second, throughput: stats.throughput ?? 0, waiting: waitingIn(stats),
    running: stats.running ?? 0 };
  let kept = samples;
  if (last && last.at === second) kept = kept.slice(0, -1);
  const oldest = second - SAMPLE_SECONDS;
  const from = kept.findIndex((sample) => sample.at > oldest);
  return [...(from < 0 ? [] : from > 0 ? kept.slice(from) : kept), point];
}

/**
 * The five minutes before the page was opened, told from the times of the jobs that are known. Where older jobs are
 * not known (or were removed), less is shown than there was.
 */
export function samplesFromJobs(jobs, second, windowSeconds = 10) {
  const start = second - SAMPLE_SECONDS + 1;
  const ended = new Array(SAMPLE_SECONDS + windowSeconds).fill(0);
  const waiting = new Array(SAMPLE_SECONDS + 1).fill(0);
  const running = new Array(SAMPLE_SECONDS + 1).fill(0);
  const index = (time) => Math.min(SAMPLE_SECONDS, Math.max(0, Math.ceil(time) - start));
  const span = (steps, from, to) => {
    const first = index(from);
    const last = index(to);
    if (first < last) {
      steps[first] += 1;
      steps[last] -= 1;
    }
  };
  let oldest = Infinity;
  jobs.each((job) => {
    if (!job.created_at) return;
    oldest = Math.min(oldest, job.created_at);
    const over = job.completed_at ?? second + 1;
    if (over < start - windowSeconds) return;
    const begun = job.started_at ?? over;
    span(waiting, job.created_at, Math.min(begun, over));
    if (job.started_at) span(running, job.started_at, over);
    const place = Math.floor(over) - start + windowSeconds;
    if (job.status === 'completed' && place >= 0 && place < ended.length) ended[place] += 1;
  });
  const samples = [];
  let waits = 0;
  let runs = 0;
  let sum = 0;
  for (let place = 0; place < windowSeconds; place += 1) sum += ended[place];
  for (let step = 0; step < SAMPLE_SECONDS; step += 1) {
    waits += waiting[step];
    runs += running[step];
    sum += ended[step + windowSeconds] - ended[step];
    const at = start + step;
    if (at >= oldest - 1) samples.push({ at, throughput: sum / windowSeconds, waiting: waits, running: runs });
  }
  return samples;
}

"""#),
("js/state/store.js", #"""
// Holds the present state, and tells who listens that it changed. All changes go through the reducer.

export function createStore(reduce, initial) {
  let state = initial;
  const listeners = new Set();
  return {
    get state() {
      return state;
    },
    /** Reduces one event; true if the state is another one now. */
    dispatch(event) {
      const before = state;
      state = reduce(state, event);
      if (state === before) return false;
      for (const listener of listeners) listener(state, before, event);
      return true;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

"""#),
("js/state/tree.js", #"""
// An ordered collection that never changes: every edit gives a new tree and shares all but the path to the edit.
// Weight-balanced (Adams): insert, remove, find, rank and nth cost O(log n), building from a sorted array O(n).

const empty = null;
const size = (node) => (node === empty ? 0 : node.size);
const node = (left, item, right) => ({ left, item, right, size: size(left) + size(right) + 1 });

function rotateLeft(left, item, right) {
  if (size(right.left) < 2 * size(right.right)) return node(node(left, item, right.left), right.item, right.right);
  const middle = right.left;
  return node(node(left, item, middle.left), middle.item, node(middle.right, right.item, right.right));
}

function rotateRight(left, item, right) {
  if (size(left.right) < 2 * size(left.left)) return node(left.left, left.item, node(left.right, item, right));
  const middle = left.right;
  return node(node(left.left, left.item, middle.left), middle.item, node(middle.right, item, right));
}

function balanced(left, item, right) {
  if (size(left) + size(right) < 2) return node(left, item, right);
  if (size(right) > 3 * size(left)) return rotateLeft(left, item, right);
  if (size(left) > 3 * size(right)) return rotateRight(left, item, right);
  return node(left, item, right);
}

function withoutFirst(tree) {
  return tree.left === empty ? tree.right : balanced(withoutFirst(tree.left), tree.item, tree.right);
}

function withoutLast(tree) {
  return tree.right === empty ? tree.left : balanced(tree.left, tree.item, withoutLast(tree.right));
}

const edge = (tree, side) => {
  let current = tree;
  while (current[side] !== empty) current = current[side];
  return current.item;
};

function joined(left, right) {
  if (left === empty) return right;
  if (right === empty) return left;
  return left.size > right.size
    ? balanced(withoutLast(left), edge(left, 'right'), right)
    : balanced(left, edge(right, 'left'), withoutFirst(right));
}

function inserted(tree, item, compare) {
  if (tree === empty) return node(empty, item, empty);
  const side = compare(item, tree.item);
  if (side === 0) return item === tree.item ? tree : node(tree.left, item, tree.right);
  if (side < 0) return balanced(inserted(tree.left, item, compare), tree.item, tree.right);
  return balanced(tree.left, tree.item, inserted(tree.right, item, compare));
}

function removed(tree, item, compare) {
  if (tree === empty) return empty;
  const side = compare(item, tree.item);
  if (side === 0) return joined(tree.left, tree.right);
  if (side < 0) {
    const left = removed(tree.left, item, compare);
    return left === tree.left ? tree : balanced(left, tree.item, tree.right);
  }
  const right = removed(tree.right, item, compare);
  return right === tree.right ? tree : balanced(tree.left, tree.item, right);
}

function built(items, from, to) {
  if (from >= to) return empty;
  const middle = (from + to) >> 1;
  return node(built(items, from, middle), items[middle], built(items, middle + 1, to));
}

/** An ordered collection; `compare(a, b)` says the order, and 0 means the same place. */
export class Tree {
  constructor(compare, root = empty) {
    this.compare = compare;
    this.root = root;
  }

  /** A tree of items that are already in order, without two for one place. */
  static from(sorted, compare) {
    return new Tree(compare, built(sorted, 0, sorted.length));
  }

  get size() {
    return size(this.root);
  }

  /** The tree with `item` at its place; what was there is replaced. */
  add(item) {
    const root = inserted(this.root, item, this.compare);
    return root === this.root ? this : new Tree(this.compare, root);
  }

  /** The tree without what is at the place of `item`. */
  remove(item) {
    const root = removed(this.root, item, this.compare);
    return root === this.root ? this : new Tree(this.compare, root);
  }

  /** What is at the place of `item`, or undefined. */
  get(item) {
    let current = this.root;
    while (current !== empty) {
      const side = this.compare(item, current.item);
      if (side === 0) return current.item;
      current = side < 0 ? current.left : current.right;
    }
    return undefined;
  }

  /** The item at a position, or undefined. */
  at(index) {
    let current = this.root;
    let rest = index;
    while (current !== empty) {
      const before = size(current.left);
      if (rest === before) return current.item;
      if (rest < before) {
        current = current.left;
      } else {
        rest -= before + 1;
        current = current.right;
      }
    }
    return undefined;
  }

  /** The position of `item`, or -1. */
  indexOf(item) {
    let current = this.root;
    let before = 0;
    while (current !== empty) {
      const side = this.compare(item, current.item);
      if (side === 0) return before + size(current.left);
      if (side > 0) before += size(current.left) + 1;
      current = side < 0 ? current.left : current.right;
    }
    return -1;
  }

  /** The last item, or undefined. */
  last() {
    return this.root === empty ? undefined : edge(this.root, 'right');
  }

  /** The items of positions `from` up to, not including, `to`. */
  slice(from = 0, to = this.size) {
    const items = [];
    const walk = (tree, start) => {
      if (tree === empty || start >= to || start + tree.size <= from) return;
      const place = start + size(tree.left);
      walk(tree.left, start);
      if (place >= from && place < to) items.push(tree.item);
      walk(tree.right, place + 1);
    };
    walk(this.root, 0);
    return items;
  }

  /** Calls `visit` for every item in order. */
  each(visit) {
    const walk = (tree) => {
      if (tree === empty) return;
      walk(tree.left);
      visit(tree.item);
      walk(tree.right);
    };
    walk(this.root);
  }
}

"""#),
("js/state/workers.js", #"""
// The page of workers: who they are and what they run, as last read.

/**
 * `list` and `own` are null until the first answer. `own` is what the server itself runs, `{count, unit}`, with null for
 * both where it runs nothing; `acts` counts the changes of it, so that an answer from before one is known to be old.
 */
export const noWorkers = Object.freeze({ list: null, own: null, fault: null, acts: 0, countFault: null });

const workers = (state, fields) => ({ ...state, workers: { ...state.workers, ...fields } });

/** How many jobs at once, or worker processes, the server itself runs; null where that is not known. */
export const knownCount = ({ own }) => own?.count ?? null;

/** Whether the server was asked and runs no workers of its own. */
export const hasNone = ({ own }) => own !== null && own.unit === null;

/** Whether what the server runs are worker processes. */
export const hasProcesses = ({ own }) => own?.unit === 'processes';

/** Totals for the line above the list: the server's own figures, which also stand above, else the list's. */
export function workerTotals(list, stats) {
  if (stats?.worker) {
    const { capacity, active, processed } = stats.worker;
    return { slots: capacity ?? 0, busy: active ?? 0, processed: processed ?? 0 };
  }
  return list.reduce((sum, worker) => ({
    slots: sum.slots + worker.slots, busy: sum.busy + worker.jobs.length, processed: sum.processed + worker.processed,
  }), { slots: 0, busy: 0, processed: 0 });
}

const cleaned = (worker) =>
  ({ ...worker, jobs: worker.jobs ?? [], slots: worker.slots ?? 0, processed: worker.processed ?? 0,
    abandoned: worker.abandoned ?? 0 });

export const workerHandlers = {
  workers_read(state, { list, own, acts }) {
    const isOld = acts !== state.workers.acts;
    return workers(state, { list: list.map(cleaned), own: isOld ? state.workers.own : own, fault: null });
  },
  workers_failed: (state, { message }) => workers(state, { fault: message }),
  workers_counting: (state) => workers(state, { countFault: null }),
  workers_counted: (state, { own }) => workers(state, { own, acts: state.workers.acts + 1, countFault: null }),
  workers_refused: (state, { message }) => workers(state, { countFault: message }),
};

"""#),
("js/text/command-line.js", #"""
// The command that submits a job again, for `curl` and for `stint`. Commands are pasted into terminals: they hold no
// control characters, which could end the paste and run what follows.

const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const controlsLeftByJSON = /[\u007f-\u009f\u2028\u2029]/g;

const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** JSON on one line, control characters escaped. */
const jsonText = (value) => JSON.stringify(value).replace(controlsLeftByJSON, escaped);

/** Whether any text in `value`, keys included, has a control character. */
function hasControls(value) {
  if (typeof value === 'string') return controls.test(value);
  if (value === null || typeof value !== 'object') return false;
  return Object.entries(value).some(([key, part]) => controls.test(key) || hasControls(part));
}

const plainWord = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word of a POSIX shell command, quoted only where it must be. */
export function shellWord(text) {
  const word = String(text);
  return plainWord.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const isEmpty = (object) => !object || Object.keys(object).length === 0;

/** The policy of a submission that names none. */
const usualRetry = { strategy: 'exponential', base_seconds: 1, max_delay_seconds: 300, jitter: 0.1 };
const isUsual = (retry) => Object.keys(usualRetry).every((name) => retry[name] === usualRetry[name]);

/** The body of the submission: params, and the options that are not the defaults. */
export function submissionOf(job) {
  const body = { type: job.type };
  if (!isEmpty(job.params)) body.params = job.params;
  if (job.queue && job.queue !== 'default') body.queue = job.queue;
  if (job.priority && job.priority !== 'normal') body.priority = job.priority;
  if (job.max_retries != null && job.max_retries !== 3) body.max_retries = job.max_retries;
  if (job.retry && !isUsual(job.retry)) body.retry = job.retry;
  for (const name of ['timeout_seconds', 'stall_timeout_seconds', 'start_within_seconds']) {
    if (job[name] != null) body[name] = job[name];
  }
  if (!isEmpty(job.tags)) body.tags = job.tags;
  if (!isEmpty(job.metadata)) body.metadata = job.metadata;
  if (job.owner) body.owner = job.owner;
  return body;
}

/** Whether the server hid values of `params`: it shows `***` for secret ones. */
export const hidesSecrets = (params) => Object.values(params ?? {}).includes('***');

/** `curl` with the submission as its body; with a token, one from the shell's own `STINT_TOKEN`. */
export function curlCommand(job, { origin, tokenRequired = false }) {
  const words = ['curl', shellWord(`${origin}/api/jobs`), '-H', shellWord('Content-Type: application/json')];
  if (tokenRequired) words.push('-H', '"Authorization: Bearer $STINT_TOKEN"');
  return [...words, '-d', shellWord(jsonText(submissionOf(job)))].join(' ');
}

const paramText = (value) => (typeof value === 'string' ? value : jsonText(value));

/** Whether flags cannot say it: control characters, a key with a `=`, or text that would be taken for quoted. */
const needsFile = ({ params = {}, tags = {}, ...rest }) =>
  hasControls([params, tags, rest])
  || [...Object.keys(params), ...Object.keys(tags)].some((key) => key.includes('='))
  || Object.values(params).some((value) => typeof value === 'string' && /^\s*"/.test(value));

/** `stint submit` with a flag for each option, or with a job file where flags cannot say it. */
export function stintCommand(job, { origin }) {
  const body = submissionOf(job);
  if (needsFile(body)) {
    return `printf %s ${shellWord(jsonText(body))} | stint submit --job-file - --url ${shellWord(origin)}`;
  }
  const words = ['stint', 'submit', shellWord(job.type)];
  const flag = (name, value) => words.push(`--${name}`, shellWord(value));
  for (const [name, value] of Object.entries(body.params ?? {})) flag('param', `${name}=${paramText(value)}`);
  if (body.queue) flag('queue', body.queue);
  if (body.priority) flag('priority', body.priority);
  if (body.max_retries != null) flag('max-retries', body.max_retries);
  if (body.retry) flag('retry', jsonText(body.retry));
  if (body.timeout_seconds != null) flag('timeout', `${body.timeout_seconds}s`);
  if (body.stall_timeout_seconds != null) flag('stall-timeout', `${body.stall_timeout_seconds}s`);
  if (body.start_within_seconds != null) flag('start-within', `${body.start_within_seconds}s`);
  for (const [key, value] of Object.entries(body.tags ?? {})) flag('tag', `${key}=${value}`);
  if (body.metadata) flag('metadata', jsonText(body.metadata));
  if (body.owner) flag('owner', body.owner);
  flag('url', origin);
  return words.join(' ');
}

"""#),
("js/text/duration.js", #"""
// Durations in words of fixed shape: 812 ms, 10.0 s, 4 m 05 s, 2 h 03 m, 3 d 4 h.

const two = (number) => String(number).padStart(2, '0');

/** A duration that is over, as exact as its size allows. `—` for none. */
export function durationText(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return '—';
  const value = Math.max(0, seconds);
  if (value === 0) return '0 ms';
  if (value < 0.001) return '<1 ms';
  if (value < 0.9995) return `${Math.round(value * 1000)} ms`;
  if (value < 59.95) return `${value.toFixed(1)} s`;
  return coarseText(value);
}

/** A duration that ticks, in whole seconds. */
export function tickingText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < 60 ? `${whole} s` : coarseText(whole);
}

function coarseText(value) {
  const whole = Math.round(value);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} m`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** ISO 8601, for a `datetime` attribute. */
export const durationISO = (seconds) => `PT${Math.max(0, seconds ?? 0).toFixed(3)}S`;

"""#),
("js/text/life.js", #"""
// A job's whole life as steps and spans, from its history and its present state.

import { isOver } from '../state/job.js';

const words = {
  submitted: 'Submitted', promoted: 'Became due', unblocked: 'Dependencies met', succeeded: 'Completed',
    failed: 'Failed',
  timed_out: 'Timed out', stalled: 'Stalled', gave_up: 'Gave up', undecodable: 'Params unreadable', snoozed: 'Snoozed',
  released: 'Released', stopped: 'Stopped', worker_lost: 'Worker lost', start_expired: 'Waited too long',
  deadline_exceeded: 'Deadline passed', cancel_requested: 'Cancel asked for', dependency_failed: 'A dependency failed',
  retried: 'Retry asked for',
};

/** `timed_out` → `Timed out`. */
export function eventWord(name) {
  if (words[name]) return words[name];
  const text = String(name).replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The events of the job itself, without those of the jobs that it took over from. */
const ownEvents = (job, history) => (history ?? []).filter((entry) => !entry.job_id || entry.job_id === job.id);

/**
 * The attempts of a history, with the one that runs now: `{attempt, status, word, start, end, worker, error, job}`;
 * `job` is the id of the job that it took over from, where the attempt was of that one.
 */
export function attemptsOf(job, history) {
  const attempts = (history ?? []).filter((entry) => entry.ended_at != null).map((entry) => ({
    attempt: entry.attempt, status: outcomeOf(entry), word: eventWord(entry.event), start: entry.started_at,
    end: entry.ended_at, worker: entry.worker_id, error: entry.error,
    job: entry.job_id && entry.job_id !== job.id ? entry.job_id : null,
  }));
  if (job.status === 'running' && !attempts.some((entry) => !entry.job && entry.attempt === job.attempt)) {
    attempts.push({
      attempt: job.attempt, status: 'running', word: 'Running', start: job.started_at, end: null,
      worker: job.worker_id, error: null, job: null,
    });
  }
  return attempts;
}

function outcomeOf(entry) {
  if (entry.status === 'completed' || entry.status === 'cancelled') return entry.status;
  if (entry.status === 'failed') return 'failed';
  return entry.error ? 'retrying' : 'pending';
}

/**
 * The life in order: `{kind: 'event' | 'wait' | 'attempt', status, word, from, to, …}`; `to` is null where
 * it goes on. Waits and attempts follow one another without a gap.
 */
export function lifeOf(job, history) {
  const steps = [];
  let since = job.created_at;
  const wait = (until, status = 'pending', word = 'Waited') => {
    if (until === null || until - since > 0.0005) steps.push({ kind: 'wait', status, word, from: since, to: until });
  };
  const own = ownEvents(job, history);
  const entries = own.length ? own : [{ event: 'submitted', status: 'pending', at: job.created_at,
    attempt: 0 }];
  let waitStatus = 'pending';
  for (const entry of entries) {
    // That an attempt began is told by the job itself.
    if (entry.event === 'claimed') continue;
    const hasAttempt = entry.started_at != null && entry.ended_at != null;
    if (hasAttempt) {
      wait(entry.started_at, waitStatus, waitWord(waitStatus));
      const end = entry.ended_at;
      steps.push({
        kind: 'attempt', status: outcomeOf(entry), word: `Attempt ${entry.attempt}`, outcome: eventWord(entry.event),
        from: entry.started_at, to: end, error: entry.error, worker: entry.worker_id,
      });
      since = end;
    } else {
      if (entry.event !== 'submitted' && isOver(entry.status)) wait(entry.at, waitStatus, waitWord(waitStatus));
      if (entry.event !== 'submitted' && isOver(entry.status)) since = entry.at;
      steps.push({
        kind: 'event', status: entry.status, word: eventWord(entry.event), from: entry.at, to: entry.at, by: entry.by,
        via: entry.from, error: entry.error,
      });
      if (entry.event === 'retried') since = entry.at;
    }
    waitStatus = entry.status === 'retrying' || entry.status === 'scheduled' ? entry.status : 'pending';
  }
  if (job.status === 'running') {
    if (!steps.some((step) => step.kind === 'attempt' && step.word === `Attempt ${job.attempt}`)) {
      if (job.started_at) wait(job.started_at, waitStatus, waitWord(waitStatus));
      steps.push({
        kind: 'attempt', status: 'running', word: `Attempt ${job.attempt}`, outcome: 'Running',
        from: job.started_at ?? since, to: null, worker: job.worker_id,
      });
    }
  } else if (!isOver(job.status)) {
    wait(null, job.status, waitingWord(job.status));
  }
  return steps;
}

const waitWord = (status) =>
  ({ retrying: 'Waited to retry', scheduled: 'Waited for its time' })[status] ?? 'Waited for a slot';

const waitingWord = (status) =>
  ({
    retrying: 'Waits to retry', scheduled: 'Waits for its time', blocked: 'Waits for other jobs',
  })[status] ?? 'Waits for a slot';

"""#),
("js/text/number.js", #"""
// Numbers for reading.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** `1,204`. */
export const countText = (number) => (Number.isFinite(number) ? whole.format(number) : '—');

/** `3.2`, and `120` from a hundred on. */
export function rateText(number) {
  if (!Number.isFinite(number)) return '—';
  return number >= 100 || number === 0 ? whole.format(number) : tenth.format(number);
}

/** `1 job`, `2 jobs`. */
export const plural = (count, one, many = `${one}s`) => `${countText(count)} ${count === 1 ? one : many}`;

/** `4.2 KB`. */
export function bytesText(count) {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} KB` : `${(count / 1e6).toFixed(1)} MB`;
}

"""#),
("js/text/output.js", #"""
// What a process printed, made fit to be read as text: what only a terminal understands is left out.

/** Colours and movements (CSI), titles and links (OSC and its kind), and what else begins with Escape. */
const sequences = new RegExp([
  '(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]',
  '\\u001b[\\]PX^_][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)',
  '\\u001b[ -/]*[0-Z\\\\^-~]',
].join('|'), 'g');

/** `text` without the escape sequences of terminals. */
export const withoutEscapes = (text) => text.replace(sequences, '');

/**
 * What a terminal shows of a line in which the cursor went back to its start: the last that was written. A carriage
 * return at the very end stays, as a line break may follow.
 */
export function lastWritten(line) {
  const end = /\r+$/.exec(line)?.[0] ?? '';
  const body = line.slice(0, line.length - end.length);
  return body.slice(body.lastIndexOf('\r') + 1) + (end && '\r');
}

/** A line as it is shown. */
export const lineText = (line) => withoutEscapes(line.replace(/\r$/, ''));

"""#),
("js/text/plain.js", #"""
// Text of jobs made safe to look at: what has no shape is shown, what would turn lines around is named.

const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function shown(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return `⟨${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/** Several lines: line breaks and tabs stay. */
export const plainText = (text) => String(text ?? '').replace(/\r\n/g, '\n').replace(controls, shown);

/** One line. */
export const plainLine = (text) => plainText(text).replace(/[\n\t]+/g, ' ');

const generatedId = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The end of an id that Stint gave, by which commands know it too; people's own ids are names, and stay whole. */
export const shortId = (id) => (generatedId.test(id) ? id.slice(-8) : id);

/** The address if it is one that may be a link (http and https), else null. */
export function linkOf(text) {
  if (!/^https?:\/\/\S+$/i.test(text)) return null;
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
  } catch {
    return null;
  }
}

"""#),
("js/text/time.js", #"""
// Instants in the reader's zone: relative for reading, absolute on hover.

const absolute = new Intl.DateTimeFormat(undefined, {
  year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit',
  timeZoneName: 'short',
});
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

const date = (seconds) => {
  const value = new Date(seconds * 1000);
  return Number.isNaN(value.getTime()) ? null : value;
};

/** `Nov 21, 2026, 14:03:07 CET`. */
export function absoluteText(seconds) {
  const value = date(seconds);
  return value ? absolute.format(value) : '—';
}

/** `14:03:07`. */
export function clockText(seconds) {
  const value = date(seconds);
  return value ? clock.format(value) : '—';
}

/** ISO 8601, for a `datetime` attribute. */
export function isoText(seconds) {
  return date(seconds)?.toISOString() ?? '';
}

const steps = [[60, 1, 's'], [3600, 60, 'min'], [86_400, 3600, 'h'], [86_400 * 60, 86_400, 'd'], [Infinity,
  86_400 * 30.44, 'mo']];

function amount(seconds) {
  const [, unit, name] = steps.find(([limit]) => seconds < limit);
  return `${Math.floor(seconds / unit)} ${name}`;
}

/** `just now`, `12 s ago`, `4 min ago`, `in 3 h`. */
export function relativeText(seconds, now) {
  const distance = now - seconds;
  if (distance >= 0) return distance < 1 ? 'just now' : `${amount(distance)} ago`;
  return distance > -1 ? 'now' : `in ${amount(Math.ceil(-distance))}`;
}

/** What is left until an instant, counting down: `4 s`, `2 min`; `now` when it has come. */
export function countdownText(seconds, now) {
  const left = Math.ceil(seconds - now);
  return left <= 0 ? 'now' : amount(left);
}

"""#),
("js/theme-first.js", #"""
// Runs before the first paint: the theme that was chosen, if one was.
try {
  const theme = localStorage.getItem('stint-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // No storage: the system's theme.
}

"""#),
("js/theme.js", #"""
// The theme: the system's, light or dark; kept in this browser.

const key = 'stint-theme';
const order = ['system', 'light', 'dark'];

export function storedTheme() {
  const { theme } = document.documentElement.dataset;
  return order.includes(theme) ? theme : 'system';
}

export const themeAfter = (theme) => order[(order.indexOf(theme) + 1) % order.length];

export function applyTheme(theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, theme);
  } catch {
    // No storage: it holds until the page is closed.
  }
}

"""#),
("js/views/attempts.js", #"""
// The attempts of a job, each with its end and its whole error; those of the jobs it took over from come first.

import { h } from '../render/element.js';
import { attemptsOf } from '../text/life.js';
import { plainLine, plainText, shortId } from '../text/plain.js';
import { glyph } from './status.js';
import { duration, elapsed } from './time.js';

const mostAttempts = 50;
/** An error is shown at once up to this length, and longer ones when they are opened, up to the other. */
const [shortError, longestError] = [300, 20_000];

function errorView({ type, message }) {
  const text = String(message ?? '');
  if (text.length <= shortError) return h('p', { class: 'attempt-error', dir: 'auto' }, plainText(`${type}: ${text}`));
  return h('details', { class: 'attempt-error' },
    h('summary', { dir: 'auto' }, plainLine(`${type}: ${text.slice(0, shortError)}…`)),
    h('pre', { tabindex: 0, role: 'region', 'aria-label': 'Whole error', dir: 'auto' },
      plainText(text.slice(0, longestError))));
}

const otherJob = (id, actions) => [' of ', h('a', {
  href: `#/jobs/${encodeURIComponent(id)}`, title: plainLine(id),
  onclick: (event) => {
    event.preventDefault();
    actions.openJob(id);
    actions.focusDetail();
  },
}, plainLine(shortId(id)))];

function attemptView(entry, now, actions) {
  const took = entry.end === null ? entry.start && elapsed(entry.start, now)
    : entry.start && duration(entry.end - entry.start);
  return h('li', {
    class: 'attempt', 'data-status': entry.status, 'data-attempt': entry.attempt,
    key: `${entry.job ?? ''} ${entry.attempt} ${entry.start ?? entry.end}`,
  },
  h('div', { class: 'attempt-first' },
    glyph(entry.status), h('b', null, `${entry.attempt}`, entry.job && otherJob(entry.job, actions)),
    h('span', null, entry.word), h('span', { class: 'attempt-took' }, took)),
  entry.error && errorView(entry.error),
  entry.worker && h('p', { class: 'attempt-worker' }, h('code', null, plainLine(entry.worker))));
}

export function attemptsView(job, history, now, actions) {
  const all = attemptsOf(job, history);
  const left = all.length - mostAttempts;
  return h('section', { class: 'block', id: 'attempts' },
    h('h3', null, 'Attempts'),
    left > 0 && h('p', { class: 'hint' }, `${left} earlier attempts are not shown.`),
    all.length === 0 ? h('p', { class: 'quiet-text' }, 'None yet.')
      : h('ol', { class: 'attempt-list' }, all.slice(-mostAttempts).map((entry) => attemptView(entry, now, actions))));
}

"""#),
("js/views/chart.js", #"""
// The last five minutes: how many jobs ended a second, and how many wait and run. Drawn from the state's samples.

import { h, keyed } from '../render/element.js';
import { SAMPLE_SECONDS } from '../state/samples.js';
import { countText, rateText } from '../text/number.js';
import { clockText } from '../text/time.js';

const width = 600;
const height = 100;
const gapSeconds = 5;

/** The next "round" number at or above `value`: 1, 2, 5, 10, 20, … */
export function roundUp(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value - 1e-9);
}

/** The points of one measure as an SVG path; a gap where the page was not looking. */
export function linePath(samples, measure, end, top, closed = false) {
  let path = '';
  let before = null;
  let startX = 0;
  const x = (at) => (width - ((end - at) / SAMPLE_SECONDS) * width).toFixed(1);
  const close = () => (closed && before ? `L${x(before.at)} ${height}L${startX} ${height}Z` : '');
  for (const sample of samples) {
    const place = `${x(sample.at)} ${(height - (Math.min(sample[measure], top) / top) * (height - 4)).toFixed(1)}`;
    if (!before || sample.at - before.at > gapSeconds) {
      path += `${close()}M${place}`;
      startX = x(sample.at);
    } else {
      path += `L${place}`;
    }
    before = sample;
  }
  return path + close();
}

function plot(state, { title, legend, measures, top, unit, now }) {
  const { samples } = state;
  const lines = keyed('lines', [samples, top, now], () =>
    h('svg', { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true',
      class: 'plot-lines' },
      [0.25, 0.5, 0.75].map((part) =>
        h('line', { class: 'plot-grid', x1: 0, x2: width, y1: height * part, y2: height * part })),
      measures.map(([measure]) => [
        h('path', { class: 'plot-area', 'data-measure': measure, d: linePath(samples, measure, now, top, true) }),
        h('path', { class: 'plot-line', 'data-measure': measure, d: linePath(samples, measure, now, top) }),
      ])));
  const sample = state.chartAt === null ? null : nearest(samples, now - state.chartAt);
  return h('figure', { class: 'plot' },
    h('figcaption', null, h('span', { class: 'plot-title' }, title), legend),
    h('div', { class: 'plot-area-box' },
      lines,
      sample && h('div', { class: 'plot-cursor',
        style: { left: `${(1 - (now - sample.at) / SAMPLE_SECONDS) * 100}%` } }),
      h('span', { class: 'plot-top', 'aria-hidden': 'true' }, `${countText(top)}${unit}`),
      h('span', { class: 'plot-zero', 'aria-hidden': 'true' }, '0')));
}

const nearest = (samples, at) =>
  samples.reduce((best, sample) => (!best || Math.abs(sample.at - at) < Math.abs(best.at - at) ? sample : best), null);

const most = (samples, measure) => samples.reduce((top, sample) => Math.max(top, sample[measure]), 0);

const readOut = (sample) =>
  `${clockText(sample.at)}: ${rateText(sample.throughput)} jobs a second, `
  + `${countText(sample.waiting)} waiting, ${countText(sample.running)} running`;

function summary(samples) {
  if (samples.length === 0) return 'No figures yet.';
  const last = samples[samples.length - 1];
  return 'The last five minutes. '
    + `Now ${rateText(last.throughput)} jobs a second, at most ${rateText(most(samples, 'throughput'))}. `
    + `Now ${countText(last.waiting)} waiting, at most ${countText(most(samples, 'waiting'))}; `
    + `${countText(last.running)} running, at most ${countText(most(samples, 'running'))}.`;
}

const legendEntry = (measure, label, value) =>
  h('span', { class: 'legend', 'data-measure': measure }, h('i', { 'aria-hidden': 'true' }), `${label} `, h('b', null,
    value));

/** `chartAt`: seconds ago that the pointer or the keyboard looks at, or null. */
export function chartView(state, chartAt, look) {
  const { samples } = state;
  const now = Math.floor(state.now);
  const shown = chartAt === null ? samples[samples.length - 1] : nearest(samples, now - chartAt);
  const depth = roundUp(Math.max(most(samples, 'waiting'), most(samples, 'running')));
  const speed = roundUp(most(samples, 'throughput'));
  const view = { ...state, chartAt };
  return [
    h('p', { class: 'visually-hidden', id: 'chart-text' }, keyed('text', [Math.floor(now / 10), samples.length === 0],
      () => h('span', null, summary(samples)))),
    h('div', {
      class: 'plots', role: 'slider', tabindex: 0, 'aria-label': 'Moment in the chart',
        'aria-valuemin': -SAMPLE_SECONDS,
      'aria-valuemax': 0, 'aria-valuenow': chartAt === null ? 0 : -chartAt, 'aria-describedby': 'chart-text',
      'aria-valuetext': shown ? readOut(shown) : 'No figures yet',
      onpointermove: (event) => look(pointerPlace(event)), onpointerleave: () => look(null), onblur: () => look(null),
      onkeydown: (event) => keyPlace(event, chartAt, look),
    },
    plot(view, {
      title: 'Throughput', top: speed, unit: '/s', now, measures: [['throughput']],
      legend: legendEntry('throughput', 'jobs a second', shown ? rateText(shown.throughput) : '—'),
    }),
    plot(view, {
      title: 'Depth', top: depth, unit: '', now, measures: [['waiting'], ['running']],
      legend: [legendEntry('waiting', 'waiting', shown ? countText(shown.waiting) : '—'),
        legendEntry('running', 'running', shown ? countText(shown.running) : '—')],
    })),
    h('div', { class: 'plot-times', 'aria-hidden': 'true' },
      h('span', null, '5 min ago'), h('span', null, chartAt === null || !shown ? '' : clockText(shown.at)), h('span',
        null, 'now')),
  ];
}

function pointerPlace(event) {
  const box = event.target.closest?.('.plot-area-box');
  if (!box) return null;
  const { left, width: boxWidth } = box.getBoundingClientRect();
  const part = Math.min(1, Math.max(0, (event.clientX - left) / boxWidth));
  return Math.round((1 - part) * SAMPLE_SECONDS);
}

function keyPlace(event, chartAt, look) {
  const steps = { ArrowLeft: 5, ArrowRight: -5, PageUp: 30, PageDown: -30, Home: SAMPLE_SECONDS, End: -SAMPLE_SECONDS };
  const step = steps[event.key];
  if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  look(Math.min(SAMPLE_SECONDS, Math.max(0, (chartAt ?? 0) + step)));
}

"""#),
("js/views/confirm.js", #"""
// The dialog that asks once, before many jobs are changed.

import { h } from '../render/element.js';

/** `question`: {title, text, yes, no, act}; `kind` is `primary` where nothing is lost. */
export function confirmView(question, actions) {
  if (!question) return null;
  return [
    h('h2', { id: 'confirm-title' }, question.title),
    h('p', { id: 'confirm-text' }, question.text),
    h('div', { class: 'form-buttons' },
      h('button', { id: 'confirm-no', class: 'quiet', autofocus: true, onclick: actions.closeDialog }, question.no),
      h('button', {
        id: 'confirm-yes', class: question.kind === 'primary' ? 'primary' : 'danger solid',
        onclick: () => {
          actions.closeDialog();
          question.act();
        },
      }, question.yes)),
  ];
}

"""#),
("js/views/dead-letters.js", #"""
// The page of dead letters: groups by type and error, the jobs of one, and what can be done with them.

import { h, keyed } from '../render/element.js';
import { hashOf } from '../route.js';
import { KEEP_DEAD, NO_DEAD_FILTER, isDeadNarrow, isGroup } from '../state/dead-letters.js';
import { countText, plural } from '../text/number.js';
import { plainLine, shortId } from '../text/plain.js';
import { icon } from './icons.js';
import { timeAgo } from './time.js';

const mostGroups = 200;
const mostMessage = 300;

const messageText = (text) => plainLine(String(text ?? '').slice(0, mostMessage));

/** Buttons for many jobs at once; `name` tells them apart. */
function actsView({ name, words, filter, isSmall }, state, actions) {
  const busy = state.dead.act !== null;
  return h('div', { class: 'dead-acts' },
    h('button', {
      'data-act': 'requeue', id: name ? `requeue-${name}` : null, class: isSmall ? 'quiet' : '', disabled: busy,
      title: 'Puts them back into the queue. Says first how many.', 'aria-label': `Requeue ${words}…`,
      onclick: () => actions.requeueDead(filter),
    }, icon('retry'), h('span', null, isSmall ? 'Requeue…' : `Requeue ${words}…`)),
    h('button', {
      'data-act': 'purge', id: name ? `purge-${name}` : null, class: 'quiet', disabled: busy,
      title: 'Removes them for good. Says first how many, and asks.', 'aria-label': `Remove ${words}…`,
      onclick: () => actions.purgeDead(filter),
    }, icon('sweep'), h('span', null, isSmall ? 'Remove…' : `Remove ${words}…`)));
}

/** What all rows depend on. */
const shared = (state) => [Math.floor(state.now), state.dead.filter, state.dead.act, state.session];

function headView(state) {
  const { total, filter, fault } = state.dead;
  const kind = !isDeadNarrow(filter) ? '' : total === 1 ? 'that matches' : 'that match';
  return h('div', { class: 'page-head' },
    h('h2', { id: 'dead-title', tabindex: -1 }, 'Dead letters'),
    h('p', { id: 'dead-count', role: 'status' },
      total === null ? (fault ? '' : 'Reading…') : `${plural(total, 'job')} ${kind}`.trim()));
}

function barView(state, actions) {
  const { filter, total } = state.dead;
  const canWrite = !state.session?.read_only && total > 0;
  const isNarrow = isDeadNarrow(filter);
  return h('div', { class: 'dead-bar' },
    h('div', { class: 'search-box' }, icon('search'),
      h('input', {
        id: 'dead-search', type: 'search', placeholder: 'Search', value: filter.q, autocomplete: 'off',
        spellcheck: 'false', maxlength: 200, 'aria-label': 'Search dead letters: ids, types, tags and errors',
        title: 'Search (/)', oninput: (event) => actions.filterDead({ q: event.target.value }),
      }),
      h('kbd', { 'aria-hidden': 'true' }, '/')),
    isNarrow && h('button', {
      id: 'dead-show-all', class: 'quiet', onclick: () => {
        actions.filterDead(NO_DEAD_FILTER, { push: true });
        actions.focusTitle();
      },
    }, 'Show all'),
    canWrite && actsView({ name: 'dead', words: isNarrow ? 'these' : 'all', filter }, state, actions));
}

const filterLabels = { type: 'Type', error: 'Error', queue: 'Queue' };

/** What the address filters by, but for what the search field and the chosen group show; each can be taken off. */
function filterChips(state, actions) {
  const { filter } = state.dead;
  const names = Object.keys(filterLabels).filter((name) =>
    filter[name].trim() !== '' && (name === 'queue' || !isGroup(filter)));
  if (names.length === 0) return null;
  return h('ul', { id: 'dead-filters', key: 'filters', 'aria-label': 'Filters' }, names.map((name) => {
    const value = plainLine(filter[name]);
    return h('li', { key: name, 'data-filter': name },
      h('button', {
        class: 'quiet', 'aria-label': `${filterLabels[name]} ${value}: take the filter off`, title: 'Takes the filter off',
        onclick: () => {
          actions.filterDead({ [name]: '' }, { push: true });
          actions.focusTitle();
        },
      }, h('span', { class: 'dead-filter-name' }, filterLabels[name]), h('b', { dir: 'auto' }, value), icon('close')));
  }));
}

function groupView(group, state, actions) {
  const now = Math.floor(state.now);
  const { filter } = state.dead;
  const own = { ...filter, type: group.type, error: group.error };
  const words = `${plural(group.count, plainLine(group.type))}: ${plainLine(group.error)}`;
  return h('li', {
    class: 'dead-group', 'data-type': group.type, 'data-error': group.error,
  },
  h('div', { class: 'dead-first' },
    h('a', {
      class: 'dead-open', 'data-row': true, href: hashOf(state, { dead: own, selected: null }),
      onclick: (event) => {
        event.preventDefault();
        actions.openGroup(group);
      },
    }, h('span', { class: 'row-type', dir: 'auto' }, plainLine(group.type)),
    h('span', { class: 'dead-kind', dir: 'auto' }, plainLine(group.error))),
    h('span', { class: 'dead-number', 'data-field': 'count' }, plural(group.count, 'job'))),
  h('p', { class: 'dead-message', dir: 'auto' }, messageText(group.message)),
  h('div', { class: 'dead-last' },
    h('p', { class: 'dead-times' }, 'newest ', timeAgo(group.newest, now), ', oldest ', timeAgo(group.oldest, now)),
    !state.session?.read_only && actsView({ words, filter: own, isSmall: true }, state, actions)));
}

function groupsView(state, actions) {
  const { groups, filter } = state.dead;
  if (isGroup(filter)) {
    return h('p', { class: 'dead-crumb', key: 'crumb' },
      h('button', { id: 'dead-groups-all', class: 'quiet', onclick: () => actions.openGroup(null) }, 'All groups'),
      h('span', { 'aria-hidden': 'true' }, '›'),
      h('b', { dir: 'auto' }, plainLine(filter.type)), h('span', { class: 'dead-kind', dir: 'auto' },
        plainLine(filter.error)));
  }
  if (groups.length === 0) return null;
  return h('section', { class: 'dead-part', key: 'groups', 'aria-labelledby': 'dead-groups-title' },
    h('h3', { id: 'dead-groups-title' }, 'By type and error'),
    h('ul', { id: 'dead-groups' }, groups.slice(0, mostGroups).map((group) =>
      keyed(`${group.type} ${group.error}`, [group, ...shared(state)], () => groupView(group, state, actions)))),
    groups.length > mostGroups
      && h('p', { class: 'hint' }, `${countText(groups.length - mostGroups)} more groups: search to find them.`));
}

function jobView(job, state, actions) {
  const isOpen = job.id === state.selected;
  const at = job.completed_at ?? job.created_at;
  const attempts = job.attempt === 0 ? 'never started' : plural(job.attempt, 'attempt');
  return h('li', { class: 'dead-job', 'data-job': job.id, 'data-open': isOpen },
    h('div', { class: 'dead-first' },
      h('a', {
        class: 'dead-open', 'data-row': true, href: hashOf(state, { selected: job.id }),
        'aria-current': isOpen ? 'true' : null,
        onclick: (event) => {
          event.preventDefault();
          actions.openJob(job.id);
          actions.focusDetail();
        },
      }, h('span', { class: 'row-type', dir: 'auto' }, plainLine(job.type)),
      h('code', { title: job.id }, plainLine(shortId(job.id)))),
      h('span', { class: 'dead-times' }, `${attempts}, `, timeAgo(at, Math.floor(state.now)))),
    h('div', { class: 'dead-last' },
      h('p', { class: 'dead-message', dir: 'auto' },
        job.error ? messageText(`${job.error.type}: ${job.error.message}`) : 'failed'),
      !state.session?.read_only && h('button', {
        class: 'quiet', 'data-act': 'requeue', 'aria-label': `Requeue ${plainLine(shortId(job.id))}`,
        title: 'Puts it back into the queue', onclick: () => actions.retryJob(job.id),
      }, icon('retry'), h('span', null, 'Requeue'))));
}

function jobsView(state, actions) {
  const { jobs, next, total, filter } = state.dead;
  if (jobs.length === 0) return null;
  const isFull = jobs.length >= KEEP_DEAD;
  return h('section', { class: 'dead-part', key: 'jobs', 'aria-labelledby': 'dead-jobs-title' },
    h('h3', { id: 'dead-jobs-title' }, isGroup(filter) ? 'Jobs, newest first' : 'All of them, newest first'),
    h('ul', { id: 'dead-jobs' }, jobs.map((job) =>
      keyed(job.id, [job, job.id === state.selected, ...shared(state)], () => jobView(job, state, actions)))),
    next && !isFull && h('button', { id: 'dead-more', onclick: actions.moreDead },
      `Show more of ${countText(total)}`),
    next && isFull && h('p', { class: 'hint' }, `The newest ${countText(KEEP_DEAD)}; search to find older ones.`));
}

function emptyView(state) {
  const isNarrow = isDeadNarrow(state.dead.filter);
  return h('div', { id: 'dead-empty', class: 'empty', key: 'empty' },
    h('h3', null, isNarrow ? 'No dead letter matches' : 'No dead letters'),
    h('p', null, isNarrow ? 'Nothing that failed fits this filter.'
      : 'A job comes here when its last attempt failed and no other job took over.'));
}

function faultView({ fault }, actions) {
  return h('div', { id: 'dead-fault', class: 'page-fault', role: 'alert', key: 'fault' },
    h('p', { dir: 'auto' }, `The dead letters could not be read: ${plainLine(fault)}`),
    h('button', { onclick: actions.readDead }, 'Try again'));
}

export function deadLettersView(state, actions) {
  const { dead } = state;
  return [
    headView(state),
    barView(state, actions),
    h('div', { class: 'page-body', key: 'body' },
      filterChips(state, actions),
      dead.fault && faultView(dead, actions),
      groupsView(state, actions),
      dead.total === 0 && emptyView(state),
      jobsView(state, actions)),
  ];
}

"""#),
("js/views/filters.js", #"""
// What the list shows: search, status and type; and the buttons that act on many jobs.

import { h } from '../render/element.js';
import { FILTERS, NO_FILTER, cancellable, filterCounts, isNarrow, sameFilter } from '../state/filter.js';
import { countText, plural } from '../text/number.js';
import { plainLine } from '../text/plain.js';
import { icon } from './icons.js';

const words = {
  all: 'All', running: 'Running', waiting: 'Waiting', completed: 'Completed', failed: 'Failed', cancelled: 'Cancelled',
};

/** Counts for the buttons: the server's where they cover all jobs, else those of the jobs that the page holds. */
export function countsShown(state) {
  const { collection, stats, sweep, hasMore } = state;
  const all = !isNarrow(collection.filter) && stats && (hasMore || sweep.partial);
  return filterCounts(all ? stats : collection.matching);
}

function typesKnown(state) {
  const names = new Set((state.types ?? []).map(({ name }) => name));
  if (state.collection.filter.type) names.add(state.collection.filter.type);
  return [...names].sort();
}

export function filtersView(state, actions) {
  const { filter } = state.collection;
  const counts = countsShown(state);
  return [
    h('div', { class: 'filter-line' },
      h('div', { class: 'search-box' },
        icon('search'),
        h('input', {
          id: 'search', type: 'search', placeholder: 'Search', value: filter.q, autocomplete: 'off',
            spellcheck: 'false',
          'aria-label': 'Search in ids, types, queues, tags, params and errors', title: 'Search (/)', maxlength: 200,
          oninput: (event) => actions.filter({ q: event.target.value }),
        }),
        h('kbd', { 'aria-hidden': 'true' }, '/')),
      h('select', {
        id: 'filter-type', 'aria-label': 'Job type', value: filter.type,
        onchange: (event) => actions.filter({ type: event.target.value }, { push: true }),
      }, h('option', { value: '' }, 'All types'),
      typesKnown(state).map((name) => h('option', { value: name, key: name, selected: filter.type === name },
        plainLine(name))))),
    h('div', { id: 'filters', role: 'group', 'aria-label': 'Status' }, FILTERS.map((name) => h('button', {
      class: 'filter', 'data-filter': name, 'data-zero': counts[name] === 0, key: name,
      'aria-pressed': String(filter.status === name), onclick: () => actions.filter({ status: name }, { push: true }),
    }, h('span', null, words[name]), ' ', h('span', { class: 'count' }, countText(counts[name]))))),
  ];
}

function cancelWords({ collection: { filter, matching } }, count) {
  const counts = filterCounts(matching);
  const kinds = filter.status === 'all'
    ? [counts.waiting > 0 && 'waiting', counts.running > 0 && 'running'].filter(Boolean).join(' and ') : filter.status;
  return `Cancel ${countText(count)} ${kinds} ${count === 1 ? 'job' : 'jobs'}…`;
}

/** The line above the list: how many match, and what can be done with them. */
export function queueBarView(state, actions) {
  const { collection, stats, session, bulk, loaded } = state;
  const matching = collection.shown.size;
  const total = Math.max(stats?.total ?? 0, collection.jobs.size);
  const completed = stats?.completed ?? 0;
  const count = cancellable(collection);
  const canWrite = loaded && !session?.read_only;
  const narrowed = !sameFilter(collection.filter, NO_FILTER);
  return [
    h('p', { id: 'queue-count' }, !loaded ? 'Loading…'
      : narrowed || matching !== total ? `${countText(matching)} of ${plural(total, 'job')}` : plural(total, 'job')),
    narrowed && h('button', { class: 'quiet', id: 'clear-filter', onclick: () => actions.filter(NO_FILTER,
      { push: true }) }, 'Show all'),
    h('div', { class: 'queue-actions' },
      bulk && h('span', { class: 'bulk' }, `${bulk.label} ${countText(bulk.done)} of ${countText(bulk.total)}`),
      canWrite && count > 0 && h('button', {
        id: 'cancel-shown', class: 'quiet', disabled: Boolean(bulk), onclick: actions.cancelShown,
        title: 'Waiting jobs never start, running ones are asked to stop. Asks first.',
      }, icon('stop'), h('span', null, cancelWords(state, count))),
      canWrite && completed > 0 && h('button', {
        id: 'clear-completed', class: 'quiet', onclick: actions.clearCompleted,
        title: `Removes ${plural(completed, 'completed job')} with their history. Failed and cancelled ones stay.`,
      }, icon('sweep'), h('span', null, `Clear ${countText(completed)} completed`))),
  ];
}

"""#),
("js/views/header.js", #"""
// The top of the page: name, connection, and the buttons that are always there.

import { h } from '../render/element.js';
import { icon, logo } from './icons.js';
import { pagesView } from './pages.js';

const connectionWords = {
  connecting: 'Connecting', open: 'Live', reconnecting: 'Connection lost, reconnecting', stopped: 'Not connected',
};
const themeWords = { system: 'System theme', light: 'Light theme', dark: 'Dark theme' };
const nextTheme = { system: 'light', light: 'dark', dark: 'system' };

function retryWords({ state, retryAt }, now) {
  if (state !== 'reconnecting') return null;
  const left = retryAt === null ? 0 : Math.ceil(retryAt - now);
  return h('span', { 'aria-hidden': 'true', class: 'connection-retry' }, left > 0 ? `next try in ${left} s`
    : 'trying…');
}

export function headerView(state, actions) {
  const { connection, session, theme } = state;
  const canWrite = !session?.read_only;
  return [
    h('a', { class: 'brand', href: '#/', 'aria-label': 'Stint: all jobs' }, logo(), h('span', null, 'Stint')),
    h('div', { id: 'connection', role: 'status', 'data-state': connection.state },
      h('span', { class: 'connection-dot', 'aria-hidden': 'true' }),
      h('span', null, connectionWords[connection.state]), retryWords(connection, state.now)),
    pagesView(state),
    session?.read_only && h('span', { class: 'chip', title: 'Your token may read, not write' }, 'Read only'),
    h('div', { class: 'header-buttons' },
      session?.owner && h('span', { class: 'owner', title: 'Jobs are submitted in this name' }, session.owner),
      h('button', {
        id: 'theme', class: 'icon-button', onclick: actions.nextTheme,
        title: `${themeWords[theme]}; press for ${themeWords[nextTheme[theme]].toLowerCase()} (t)`,
        'aria-label': `${themeWords[theme]}. Change to ${themeWords[nextTheme[theme]].toLowerCase()}`,
      }, icon(theme)),
      h('button', {
        class: 'icon-button', onclick: () => actions.openDialog('shortcuts'), title: 'Keyboard short cuts (?)',
        'aria-label': 'Keyboard short cuts', 'aria-haspopup': 'dialog', id: 'open-shortcuts',
      }, icon('keyboard')),
      session?.token_required && h('button', {
        id: 'sign-out', class: 'icon-button', onclick: actions.signOut,
          title: 'Sign out: forgets the token in this browser',
        'aria-label': 'Sign out',
      }, icon('leave')),
      canWrite && h('button', { id: 'new-job', class: 'primary', onclick: actions.newJob, title: 'New job (n)' },
        icon('plus'), h('span', null, 'New job'))),
  ];
}

"""#),
("js/views/icons.js", #"""
// The icons of buttons, as SVG elements.

import { h } from '../render/element.js';

const paths = {
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  close: 'M4 4l8 8M12 4l-8 8',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3L13.5 13.5',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  retry: 'M13.2 6.2A5.5 5.5 0 1 0 13.5 8.6M13.6 2.9v3.4h-3.4',
  stop: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM6 6h4v4H6z',
  sweep: 'M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9',
  keyboard: 'M1.8 4h12.4v8H1.8zM4.3 6.7h.01M6.8 6.7h.01M9.2 6.7h.01M11.7 6.7h.01M5 9.4h6',
  system: 'M2.5 3h11v7.5h-11zM6 13.2h4M8 10.5v2.7',
  light: 'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.6v1.2M8 13.2v1.2M1.6 8h1.2M13.2 8h1.2'
    + 'M3.5 3.5l.8.8M11.7 11.7l.8.8M3.5 12.5l.8-.8M11.7 4.3l.8-.8',
  dark: 'M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z',
  leave: 'M9.5 2.5h-6v11h6M6.5 8h7M11 5.5L13.5 8 11 10.5',
  chevron: 'M6 4l4 4-4 4',
  link: 'M6.8 9.2l2.4-2.4M7.2 4.7l1.3-1.3a2.9 2.9 0 0 1 4.1 4.1l-1.3 1.3'
    + 'M8.8 11.3l-1.3 1.3a2.9 2.9 0 0 1-4.1-4.1l1.3-1.3',
};

export const icon = (name) =>
  h('svg', { class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true' }, h('path', { d: paths[name] }));

/** The swift in flight. */
export const logo = () =>
  h('svg', { class: 'logo', viewBox: '0 0 32 32', 'aria-hidden': 'true' },
    h('path', {
      d: 'M1.5 9.2C8.3 9 13.2 11.2 16.3 15.1 18.6 9.6 23.4 5 30.5 3.2 26.6 6.9 23.6 11.3 21.8 16.4c2.2.7 4.1 2 5.4 4'
        + '-2.6-.6-5-.5-7.2.3-2.5 2.3-5.6 4.9-9.9 7.9 1-2.5 1.6-4.7 1.9-6.6-1.8.7-4 1.2-6.7 1.5 2.9-1.3 5.2-2.9 7-4.9'
        + 'C10.2 14.6 6.6 11.4 1.5 9.2z',
    }));

"""#),
("js/views/job-detail.js", #"""
// The panel of the chosen job.

import { h, keyed } from '../render/element.js';
import { detailJob, retryTarget } from '../state/detail.js';
import { canCancel, isOver, lastAttempt, retriesUsed } from '../state/job.js';
import { tickingText } from '../text/duration.js';
import { clockText, countdownText } from '../text/time.js';
import { plural } from '../text/number.js';
import { linkOf, plainLine, plainText, shortId } from '../text/plain.js';
import { attemptsView } from './attempts.js';
import { icon } from './icons.js';
import { jsonBlock } from './json-block.js';
import { progressBar } from './progress-bar.js';
import { statusBadge } from './status.js';
import { duration, elapsed, timeInFull } from './time.js';
import { timelineView } from './timeline.js';

/** What the button will do. */
export function actionWords(job, state) {
  if (job.status === 'running') return 'Cancel asks the running attempt to stop; it is not retried.';
  if (canCancel(job)) return 'Cancel ends the job now; it will not start.';
  const target = retryTarget(job, state);
  if (!target) return null;
  const what = target.id === job.id ? 'it'
    : `${plainLine(target.type)} ${plainLine(shortId(target.id))}, the last that took over,`;
  return `Retry puts ${what} back into the queue; the next attempt is number ${(target.attempt ?? 0) + 1}, `
    + 'counts start anew.';
}

function actionsView(job, state, actions) {
  const canWrite = !state.session?.read_only && !state.detail.gone;
  const stopping = job.status === 'running' && job.cancel_requested_at;
  const words = canWrite ? actionWords(job, state) : null;
  return h('div', { class: 'detail-actions' },
    h('div', { class: 'button-line' },
      canWrite && canCancel(job) && h('button', {
        id: 'cancel-job', class: 'danger', disabled: Boolean(stopping), onclick: () => actions.cancelJob(job.id),
          'aria-describedby': 'action-words',
      }, icon('stop'), h('span', null, stopping ? 'Stopping…' : 'Cancel')),
      canWrite && retryTarget(job, state) && h('button', {
        id: 'retry-job', class: 'primary', onclick: () => actions.retryJob(job.id), 'aria-describedby': 'action-words',
      }, icon('retry'), h('span', null, 'Retry')),
      h('button', {
        id: 'copy-curl', class: 'quiet', title: 'Copies a curl command that submits this job again',
        onclick: () => actions.copyCommand(job, 'curl'),
      }, icon('copy'), h('span', null, 'curl')),
      h('button', {
        id: 'copy-command', class: 'quiet', title: 'Copies a stint command that submits this job again',
        onclick: () => actions.copyCommand(job, 'stint'),
      }, icon('copy'), h('span', null, 'stint'))),
    words && h('p', { class: 'hint', id: 'action-words' }, words));
}

function progressView(job) {
  if (!job.progress && job.status !== 'running') return null;
  const percent = job.progress ? `${Math.round(job.progress.percent)} %` : 'no report yet';
  const lead = job.status === 'running' || job.status === 'completed' ? null : h('span', null, 'Reached ');
  return h('div', { class: 'detail-progress', 'data-field': 'progress', 'data-status': job.status },
    job.status === 'running' ? progressBar(job) : null,
    h('p', null, lead, h('b', null, percent), ' ', h('span', { dir: 'auto' }, plainLine(job.progress?.message ?? ''))));
}

function stateWords(job, now) {
  if (job.status === 'retrying' && job.next_retry_at) {
    const left = Math.ceil(job.next_retry_at - now);
    const failed = job.attempt ? `Attempt ${job.attempt} of ${lastAttempt(job)} did not end well. ` : '';
    return `${failed}Next attempt ${left > 0 ? `in ${tickingText(left)}, at ${clockText(job.next_retry_at)}` : 'now'}.`;
  }
  if (job.status === 'scheduled') {
    const left = countdownText(job.run_at, now);
    return `Starts ${left === 'now' ? 'now' : `in ${left}`}.`;
  }
  if (job.status === 'pending') return 'Waits for a free worker slot.';
  if (job.status === 'blocked') return 'Waits for the jobs it depends on.';
  if (job.status === 'running' && job.cancel_requested_at) {
    return job.cancelled_by ? `Asked to stop by ${plainLine(job.cancelled_by)}.` : 'Asked to stop.';
  }
  if (job.status === 'cancelled' && job.cancelled_by) return `Cancelled by ${plainLine(job.cancelled_by)}.`;
  return null;
}

/** The jobs before and after it in its chain: where one took over from another that failed. */
export function chainView(job, actions) {
  const link = (name, words, id) => id && h('p', { 'data-field': name, key: name },
    icon('link'), h('span', null, words), h('a', {
      href: `#/jobs/${encodeURIComponent(id)}`, title: plainLine(id), dir: 'auto',
      onclick: (event) => {
        event.preventDefault();
        actions.openJob(id);
        actions.focusDetail();
      },
    }, plainLine(shortId(id))));
  if (!job.escalated_from && !job.escalated_to) return null;
  return h('div', { class: 'chain', id: 'chain' },
    link('escalated-from', 'Took over from ', job.escalated_from),
    link('escalated-to', 'Failed, and was taken over by ', job.escalated_to));
}

const fact = (name, label, ...value) => h('div', { class: 'fact', 'data-fact': name },
  h('dt', null, label), h('dd', { 'data-field': name, dir: 'auto' }, value));

function tagsView(tags) {
  const entries = Object.entries(tags ?? {});
  return entries.length === 0 ? '—' : entries.map(([key, value]) => h('span', { class: 'chip', key },
    plainLine(`${key}=${value}`)));
}

function durationView(job, now) {
  if (job.status === 'running' && job.started_at) return elapsed(job.started_at, now);
  return job.duration_seconds == null ? '—' : duration(job.duration_seconds);
}

function factsView(job, now, actions) {
  const time = (seconds) => (seconds == null ? '—' : timeInFull(seconds, now));
  const limits = [
    ['timeout_seconds', 'Timeout'], ['stall_timeout_seconds', 'Stall timeout'], ['start_within_seconds',
      'Start within'],
  ];
  return h('dl', { class: 'facts' },
    fact('id', 'Id', h('code', null, plainLine(job.id)), h('button', {
      class: 'icon-button small', 'aria-label': 'Copy id', title: 'Copy id', onclick: () => actions.copy(job.id,
        'Id copied'),
    }, icon('copy'))),
    fact('attempt', 'Attempt', job.attempt ? `${job.attempt} of ${lastAttempt(job)}` : 'none yet',
      ` · ${retriesUsed(job)} of ${job.max_retries ?? 0} retries used`),
    job.losses > 0 ? fact('losses', 'Losses', `${plural(job.losses, 'worker')} lost while running it`) : null,
    job.status === 'retrying' && job.next_retry_at ? fact('next-retry', 'Next try', time(job.next_retry_at)) : null,
    fact('queue', 'Queue', plainLine(job.queue)),
    fact('priority', 'Priority', job.priority),
    fact('created', 'Submitted', time(job.created_at)),
    job.run_at && job.run_at - job.created_at > 0.001 ? fact('run-at', 'Due', time(job.run_at)) : null,
    fact('started', 'Started', time(job.started_at)),
    fact('completed', 'Ended', time(job.completed_at)),
    fact('duration', 'Duration', durationView(job, now)),
    fact('worker', 'Worker', job.worker_id ? h('code', null, plainLine(job.worker_id)) : '—'),
    fact('tags', 'Tags', tagsView(job.tags)),
    job.owner && fact('owner', 'Owner', plainLine(job.owner)),
    job.cancelled_by && fact('cancelled-by', 'Cancelled by', plainLine(job.cancelled_by)),
    job.deadline_at && fact('deadline', 'Deadline', time(job.deadline_at)),
    limits.map(([name, label]) => job[name] != null && fact(name, label, duration(job[name]))));
}

function errorView(job) {
  if (!job.error) return null;
  return h('section', { class: 'block error-block', 'data-block': 'error' },
    h('h3', null, job.status === 'failed' ? 'Error' : 'Last error'),
    h('div', { 'data-field': 'error' },
      h('p', { class: 'error-type' }, plainLine(job.error.type), job.error.attempt
        ? ` · attempt ${job.error.attempt}` : ''),
      h('pre', { tabindex: 0, role: 'region', 'aria-label': 'Error message', dir: 'auto' },
        plainText(job.error.message))));
}

const mostLinks = 10;

/** The addresses a fetch job's params name, as links: http and https only, each once. */
export function linksView(job) {
  const found = new Map();
  for (const text of [job.params?.url, ...(Array.isArray(job.params?.urls) ? job.params.urls : [])]) {
    const link = typeof text === 'string' ? linkOf(text) : null;
    if (link && !found.has(link)) found.set(link, text);
    if (found.size === mostLinks) break;
  }
  if (found.size === 0) return null;
  return h('ul', { class: 'links' }, [...found].map(([link, text]) => h('li', { key: link },
    icon('link'), h('a', { href: link, target: '_blank', rel: 'noopener noreferrer', dir: 'ltr' }, plainLine(text)))));
}

/** The result; what was read before the attempt completed knows none. */
export function resultView(job, whole, actions) {
  const isRead = whole?.status === 'completed' && whole.attempt === job.attempt;
  return jsonBlock({ name: 'result', label: 'Result', value: isRead ? whole.result : undefined,
    note: isRead ? 'null' : 'Reading…' }, actions);
}

function missingView(state) {
  const { detail } = state;
  const words = detail.gone ? 'There is no such job. It may have been removed.' : detail.fault ?? 'Reading the job…';
  return h('p', { class: 'quiet-text' }, words);
}

/** What stands above the output. */
function upperView(job, state, actions) {
  const { detail } = state;
  const words = stateWords(job, Math.floor(state.now));
  return [
    detail.gone && h('p', { class: 'gone', role: 'status' },
      'This job was removed. What is shown is what was last known.'),
    detail.fault && !detail.gone && h('p', { class: 'gone', role: 'status' }, plainText(detail.fault)),
    actionsView(job, state, actions),
    words && h('p', { class: 'state-words', 'data-field': 'state' }, words),
    chainView(job, actions),
    progressView(job),
    errorView(job),
  ];
}

/** What stands below it. */
function lowerView(job, state, actions) {
  const { detail } = state;
  const now = Math.floor(state.now);
  const whole = detail.whole;
  return [
    job.status === 'completed' && resultView(job, whole, actions),
    jsonBlock({ name: 'params', label: 'Params', value: whole?.params, note: whole ? 'null' : 'Reading…' }, actions),
    linksView(job),
    timelineView(job, detail.history, now),
    attemptsView(job, detail.history, now, actions),
    h('section', { class: 'block' }, h('h3', null, 'Facts'), factsView(job, now, actions)),
    whole?.metadata && Object.keys(whole.metadata).length > 0
      && jsonBlock({ name: 'metadata', label: 'Metadata', value: whole.metadata }, actions),
  ];
}

/** `output` is the view of the output, which changes more often than the rest. */
export function jobDetailView(state, actions, output) {
  const { detail } = state;
  if (!detail) return null;
  const job = detailJob(state);
  const target = retryTarget(job, state);
  const inputs = [job?.asOf, target, detail, Math.floor(state.now), state.session];
  const part = (name, draw) => keyed(name, inputs, () => h('div', { class: 'detail-part' }, draw()));
  return [
    h('div', { class: 'detail-head' },
      h('div', { class: 'detail-title' },
        h('h2', { id: 'detail-title', tabindex: -1, dir: 'auto' }, job ? plainLine(job.type) : 'Job'),
        job && h('span', { 'data-field': 'status' }, statusBadge(job))),
      h('button', { id: 'close-detail', class: 'icon-button', 'aria-label': 'Close', title: 'Close (Escape)',
        onclick: actions.closeJob },
        icon('close'))),
    h('div', { class: 'detail-body', key: `body-${detail.id}` },
      part('upper', () => (job ? upperView(job, state, actions) : missingView(state))),
      job && output.view(state),
      job && part('lower', () => lowerView(job, state, actions))),
  ];
}

"""#),
("js/views/job-form.js", #"""
// The form of a new job, built from its type's params. Values live in the fields; what is wrong with them in the state.

import { h, keyed } from '../render/element.js';
import { OPTION_FIELDS, choiceText, fieldText, rangeText } from '../state/params.js';
import { plainLine, plainText } from '../text/plain.js';

/** What a param may be, in few words. */
function limitsText(param) {
  const words = [];
  if (param.type === 'array') {
    words.push('one a line');
    if (param.max_items != null) words.push(`${param.min_items ?? 0} to ${param.max_items}`);
  } else if (param.min != null || param.max != null) {
    words.push(rangeText(param) + (param.type === 'string' || param.type === 'path' ? ' characters' : ''));
  }
  if (param.type === 'object') words.push('a JSON object');
  if (param.secret) words.push('kept secret: shown as ***');
  return words.join(', ');
}

function control(param, props) {
  if (param.choices) {
    const start = fieldText(param);
    return h('select', props,
      start === '' && h('option', { value: '' }, param.required ? 'Choose…' : '—'),
      param.choices.map((choice) => h('option', { value: choiceText(choice), ref: (option) => {
        option.defaultSelected = choiceText(choice) === start;
      } }, plainLine(choiceText(choice)))));
  }
  const start = fieldText(param);
  const begin = (input) => { input.defaultValue = start; };
  switch (param.type) {
    case 'boolean':
      return h('input', { ...props, type: 'checkbox', ref: (box) => { box.defaultChecked = param.default === true; } });
    case 'integer':
    case 'number':
      return h('input', {
        ...props, type: 'number', min: param.min, max: param.max, step: param.type === 'integer' ? 1 : 'any',
          ref: begin,
        inputmode: param.type === 'integer' ? 'numeric' : 'decimal',
      });
    case 'array':
    case 'object':
      return h('textarea', { ...props, rows: param.type === 'array' ? 3 : 4, spellcheck: 'false', ref: begin,
        dir: 'auto' });
    default:
      return h('input', {
        ...props, type: param.secret ? 'password' : 'text', autocomplete: param.secret ? 'new-password' : 'off',
          ref: begin,
        dir: 'auto', spellcheck: 'false',
      });
  }
}

// A fault goes while its field is being put right, not when the field is left: then the button would move away from
// under the pointer that is pressing it.
function field({ name, id, label, required, hint, fault, check, draw }) {
  const described = [hint && `hint-${name}`, fault && `error-${name}`].filter(Boolean).join(' ');
  const props = {
    id, name, 'aria-invalid': fault ? 'true' : null, 'aria-describedby': described || null,
    'aria-required': required ? 'true' : null, oninput: () => check(name),
  };
  return h('div', { class: 'field', key: id, 'data-fault': Boolean(fault) },
    h('label', { for: id }, h('span', { dir: 'auto' }, plainLine(label)),
      required && h('span', { class: 'required', 'aria-hidden': 'true' }, 'required')),
    draw(props),
    hint && h('p', { class: 'hint', id: `hint-${name}`, dir: 'auto' }, hint),
    fault && h('p', { class: 'fault', id: `error-${name}`, dir: 'auto' }, plainText(fault)));
}

const hintOf = (param) => [plainText(param.description), limitsText(param)].filter(Boolean).join(' · ');

const optionHints = {
  queue: 'A named lane with its own limits', delay: 'Not before: 90s, 5m, 1h30m',
    max_retries: '0 to 10000; the type’s, or 3',
  timeout_seconds: 'The longest an attempt may take: 30, 5m', tags: 'One a line, as key=value',
  id: 'Your own id; one that exists is refused', priority: null,
};
const optionLabels = {
  queue: 'Queue', priority: 'Priority', delay: 'Delay', max_retries: 'Retries', timeout_seconds: 'Timeout',
    tags: 'Tags', id: 'Id',
};

function optionControl(name, props) {
  if (name === 'priority') {
    return h('select', props, ['critical', 'high', 'normal', 'low'].map((priority) =>
      h('option', { value: priority, ref: (option) => { option.defaultSelected = priority === 'normal'; } },
        priority)));
  }
  if (name === 'tags') return h('textarea', { ...props, rows: 2, spellcheck: 'false', placeholder: 'team=video' });
  if (name === 'max_retries') return h('input', { ...props, type: 'number', min: 0, max: 10000, step: 1,
    inputmode: 'numeric' });
  return h('input', {
    ...props, type: 'text', autocomplete: 'off', spellcheck: 'false', placeholder: name === 'queue' ? 'default' : null,
  });
}

function optionsView(form, taken, check) {
  const hasFault = OPTION_FIELDS.some((name) => form.faults[name] && !taken.includes(name));
  return h('details', { id: 'job-options', key: 'options', ...(hasFault ? { open: true } : {}) },
    h('summary', null, 'Options'),
    h('div', { class: 'option-fields' }, OPTION_FIELDS.map((name) => field({
      // A param may have an option's name: then the option's parts of the document are named `option-…`.
      name: taken.includes(name) ? `option-${name}` : name, id: `option-${name}`, label: optionLabels[name],
      required: false, hint: optionHints[name], fault: form.faults[taken.includes(name) ? `option-${name}` : name],
        check,
      draw: (props) => optionControl(name, { ...props, name: `option:${name}` }),
    }))));
}

export function jobFormView(state, actions) {
  const { form, types } = state;
  const type = types?.find(({ name }) => name === form.type);
  if (!type) return null;
  const taken = type.params.map(({ name }) => name);
  const check = (name) => actions.checkField(type, name);
  return keyed(`form-${form.round}`, [form, type, state.connection.state], () =>
    h('form', {
      id: 'job-form', novalidate: true, 'aria-labelledby': 'job-form-title', key: `form-${form.round}`,
      onsubmit: (event) => {
        event.preventDefault();
        actions.submitJob(type, event.target);
      },
    },
    h('h3', { id: 'job-form-title' }, 'New ', h('span', { dir: 'auto' }, plainLine(type.name)), ' job'),
    form.message && h('p', { id: 'form-error', key: 'message', role: 'alert', dir: 'auto' }, plainText(form.message)),
    type.local_only && h('p', { class: 'hint', id: 'form-local-only', key: 'local-only' },
      'Closed to this page, unless the server was set up to open it; the commands on its machine can submit it.'),
    type.params.length === 0 && h('p', { class: 'quiet-text' }, 'It takes no params.'),
    type.params.map((param) => field({
      name: param.name, id: `param-${param.name}`, label: param.name, required: param.required, hint: hintOf(param),
      fault: form.faults[param.name], check, draw: (props) => control(param, props),
    })),
    optionsView(form, taken, check),
    h('div', { class: 'form-buttons', key: 'buttons' },
      h('button', { id: 'submit-job', class: 'primary', type: 'submit', 'aria-disabled': form.busy ? 'true' : null },
        form.busy ? 'Submitting…' : 'Submit job'),
      h('button', { type: 'button', class: 'quiet', onclick: actions.closeForm }, 'Close'))));
}

"""#),
("js/views/job-row.js", #"""
// One job of the list: two lines, status at the left, time at the right.

import { h } from '../render/element.js';
import { canCancel, canRetry, isOver, lastAttempt, retriesUsed } from '../state/job.js';
import { countdownText } from '../text/time.js';
import { plainLine, shortId } from '../text/plain.js';
import { icon } from './icons.js';
import { progressBar } from './progress-bar.js';
import { statusBadge } from './status.js';
import { duration, elapsed, timeAgo } from './time.js';

const until = (time, now) => {
  const text = countdownText(time, now);
  return text === 'now' ? 'now' : `in ${text}`;
};

const note = (text, kind) => h('span', { class: 'row-note', 'data-kind': kind, dir: 'auto' }, plainLine(text));

/** The second line: what matters most for the status. */
function secondLine(job, now) {
  switch (job.status) {
    case 'running':
      return [progressBar(job),
        h('span', { class: 'row-percent' }, job.progress ? `${Math.round(job.progress.percent)} %` : ''),
        note(job.cancel_requested_at ? 'asked to stop' : job.progress?.message ?? 'started')];
    case 'retrying':
      return [h('span', { class: 'row-lead' }, `retries ${job.next_retry_at ? until(job.next_retry_at, now) : 'soon'}`),
        note(job.error?.message ?? '', 'error')];
    case 'scheduled':
      return [h('span', { class: 'row-lead' }, `starts ${job.run_at ? until(job.run_at, now) : 'later'}`),
        note(job.summary)];
    case 'blocked':
      return [h('span', { class: 'row-lead' }, 'waits for other jobs'), note(job.summary)];
    case 'failed':
      return [
        job.escalated_to && h('span', { class: 'row-lead' }, `taken over by ${plainLine(shortId(job.escalated_to))}`),
        note(job.error ? `${job.error.type}: ${job.error.message}` : 'failed', 'error')];
    case 'cancelled':
      return [note(job.cancelled_by ? `cancelled by ${job.cancelled_by}` : job.summary || 'cancelled')];
    default:
      return [note(job.summary || (job.status === 'pending' ? 'waits for a free slot' : ''))];
  }
}

function chips(job) {
  return [
    job.queue !== 'default' && h('span', { class: 'chip', title: `Queue ${job.queue}` }, plainLine(job.queue)),
    job.priority !== 'normal' && h('span', { class: 'chip', 'data-priority': job.priority, title: 'Priority' },
      job.priority),
    (job.attempt > 1 || job.status === 'retrying') && h('span', {
      class: 'chip', title: `Attempt ${job.attempt}; ${retriesUsed(job)} of ${job.max_retries ?? 0} retries used`,
    }, `attempt ${job.attempt} of ${lastAttempt(job)}`),
  ];
}

/** What can be done with one press while the pointer is on the row; the keys `c` and `r` do the same. */
function act(job, actions) {
  const [name, does, words] = canCancel(job)
    ? ['stop', actions.cancelJob, job.status === 'running' ? 'Cancel: asks the attempt to stop' : 'Cancel: it will not start']
    // Of one that was taken over, the last of its chain would run again: that one has its own row.
    : canRetry(job) && !job.escalated_to ? ['retry', actions.retryJob, 'Retry: puts it back into the queue'] : [null];
  if (!name || (job.status === 'running' && job.cancel_requested_at)) return null;
  return h('button', {
    class: 'icon-button row-act', tabindex: -1, title: words, 'aria-label': `${words}, ${plainLine(shortId(job.id))}`,
    onclick: (event) => {
      event.stopPropagation();
      does(job.id);
    },
  }, icon(name));
}

function times(job, now) {
  const took = job.status === 'running' && job.started_at ? elapsed(job.started_at, now)
    : isOver(job.status) && job.duration_seconds != null ? duration(job.duration_seconds) : null;
  const when = isOver(job.status) && job.completed_at ? job.completed_at : job.created_at;
  return [took && h('span', { class: 'row-took' }, took), h('span', { class: 'row-when' }, timeAgo(when, now))];
}

/** `place`: {top, index, isSelected, isActive, canWrite} */
export function jobRow(job, now, { top, index, isSelected, isActive, canWrite }, actions) {
  return h('div', {
    class: 'row', role: 'row', 'data-job': job.id, 'data-status': job.status, tabindex: isActive ? 0 : -1,
    'aria-rowindex': index, 'aria-selected': String(isSelected), style: { transform: `translateY(${top}px)` },
    onclick: () => actions.openJob(job.id), onfocus: () => actions.activate(job.id),
  },
  h('div', { role: 'gridcell', class: 'row-status' }, statusBadge(job)),
  h('div', { role: 'gridcell', class: 'row-main' },
    h('div', { class: 'row-first' },
      h('span', { class: 'row-type', dir: 'auto' }, plainLine(job.type)),
      h('code', { class: 'row-id', title: job.id }, plainLine(shortId(job.id))), chips(job)),
    h('div', { class: 'row-second' }, secondLine(job, now))),
  h('div', { role: 'gridcell', class: 'row-times' }, times(job, now), canWrite && act(job, actions)));
}

"""#),
("js/views/job-types.js", #"""
// The job types to click; the chosen one's form is below them.

import { h } from '../render/element.js';
import { plainLine } from '../text/plain.js';

export function jobTypesView(state, actions) {
  const { types, form } = state;
  if (!types) return h('p', { class: 'quiet-text' }, 'Reading the job types…');
  if (types.length === 0) {
    return h('p', { class: 'quiet-text' }, 'No job type is known yet. Start a worker that has some.');
  }
  return h('ul', { class: 'type-list' }, types.map((type) =>
    h('li', { key: type.name }, h('button', {
      class: 'type', 'data-type': type.name, 'aria-expanded': String(form.type === type.name),
      onclick: () => (form.type === type.name ? actions.closeForm() : actions.openForm(type.name)),
    }, h('span', { class: 'type-name', dir: 'auto' }, plainLine(type.name)),
    h('span', { class: 'type-text', dir: 'auto' }, plainLine(type.description))))));
}

"""#),
("js/views/json-block.js", #"""
// A JSON value, printed for people: pretty, copied with one press, cut where it would be too long to draw.

import { h } from '../render/element.js';
import { plainText } from '../text/plain.js';
import { bytesText } from '../text/number.js';
import { icon } from './icons.js';

const mostCharacters = 20_000;
const printed = new WeakMap();

/** The value as indented text; kept for as long as the value is. */
function pretty(value) {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  let text = printed.get(value);
  if (text === undefined) {
    text = JSON.stringify(value, null, 2);
    printed.set(value, text);
  }
  return text;
}

/** `name` is the field's name and its heading; `note` is shown in place of a value that is not there. */
export function jsonBlock({ name, label, value, note }, actions) {
  const has = value !== undefined && value !== null;
  const text = has ? pretty(value) : '';
  return h('section', { class: 'block', 'data-block': name },
    h('div', { class: 'block-head' }, h('h3', null, label),
      has && h('button', {
        class: 'icon-button small', title: `Copy ${name} as JSON`, 'aria-label': `Copy ${name} as JSON`,
        onclick: () => actions.copy(text, `${label} copied`),
      }, icon('copy'))),
    h('pre', { 'data-field': name, tabindex: has ? 0 : null, dir: 'ltr', role: has ? 'region' : null,
      'aria-label': has ? label : null },
      h('code', null, has ? plainText(text.slice(0, mostCharacters)) : note ?? '—')),
    text.length > mostCharacters
      && h('p', { class: 'hint' }, 
        `The first ${bytesText(mostCharacters)} of ${bytesText(text.length)}; copy has all of it.`));
}

"""#),
("js/views/notices.js", #"""
// What just happened, in the corner: kept short, gone by itself.

import { h } from '../render/element.js';
import { plainText } from '../text/plain.js';
import { icon } from './icons.js';
import { glyph } from './status.js';

const glyphs = { done: 'completed', error: 'failed', info: 'pending' };

export function noticesView(state, actions) {
  return state.notices.map((notice) => h('div', { class: 'notice', 'data-kind': notice.kind, key: notice.id },
    h('span', { class: 'status', 'data-status': glyphs[notice.kind] }, glyph(glyphs[notice.kind])),
    h('p', { dir: 'auto' }, h('span', { class: 'visually-hidden' }, notice.kind === 'error' ? 'Error: ' : ''),
      plainText(notice.text)),
    notice.jobID && h('button', { class: 'quiet', onclick: () => actions.openJob(notice.jobID) }, 'Show'),
    h('button', { class: 'icon-button small', 'aria-label': 'Dismiss', onclick: () => actions.dismiss(notice.id) },
      icon('close'))));
}

"""#),
("js/views/output.js", #"""
// The output of the chosen job: text as it comes, never markup. It follows the end until the reader scrolls up.

import { h, keyed } from '../render/element.js';
import { countText, plural } from '../text/number.js';
import { plainText, shortId } from '../text/plain.js';
import { lineText } from '../text/output.js';

/** What stands before a line that is not of the standard output. */
const marks = { stderr: 'err', event: 'event', notice: 'Stint' };
const nearEnd = 8;

const hasContent = ({ blocks }) => blocks.some((block) => block.entries.some((entry) => entry.kind !== 'heading'));

function entryView(entry, output, actions) {
  if (entry.kind === 'gap') return h('div', { class: 'line', 'data-stream': 'notice' }, 'Some output is missing here.');
  if (entry.kind === 'heading') {
    const isOther = entry.job !== output.id;
    return h('h4', { class: 'output-attempt' }, `Attempt ${entry.attempt}`,
      isOther && [' of ', h('a', {
        href: `#/jobs/${encodeURIComponent(entry.job)}`,
        onclick: (event) => {
          event.preventDefault();
          actions.openJob(entry.job);
        },
      }, plainText(shortId(entry.job)))]);
  }
  const mark = marks[entry.stream];
  return h('div', { class: 'line', 'data-stream': entry.stream },
    mark && h('span', { class: 'line-mark' }, `${mark} `),
    h('span', { class: 'line-text' }, plainText(lineText(entry.text)), entry.cut ? ' … (cut)' : null));
}

function stateText(output) {
  if (output.ended) return plural(output.lines + output.dropped, 'line');
  return `${plural(output.lines + output.dropped, 'line')}, live`;
}

/** The view, and `drawn`, to be called once it is in the document. */
export function createOutputView({ actions, requestRender }) {
  let follows = true;
  let shownID = null;

  const element = () => document.getElementById('output');

  function onscroll({ target }) {
    const isAtEnd = target.scrollTop + target.clientHeight >= target.scrollHeight - nearEnd;
    if (isAtEnd === follows) return;
    follows = isAtEnd;
    requestRender();
  }

  function toEnd() {
    follows = true;
    requestRender();
    element()?.focus({ preventScroll: true });
  }

  function view({ output }) {
    if (!hasContent(output) && !output.fault) return null;
    return h('section', { class: 'block', 'data-block': 'output', 'aria-labelledby': 'output-title' },
      h('div', { class: 'block-head' }, h('h3', { id: 'output-title' }, 'Output'),
        h('span', { class: 'hint', id: 'output-state' }, stateText(output))),
      output.fault && h('p', { class: 'hint', role: 'status' },
        `The output could not be read: ${plainText(output.fault)}`),
      output.dropped > 0 && h('p', { class: 'hint', id: 'output-dropped' },
        `${countText(output.dropped)} earlier lines are not shown here: `,
        h('code', null, `stint logs ${plainText(shortId(output.id))}`)),
      hasContent(output) && h('div', { id: 'output', class: 'output', tabindex: 0, role: 'region',
        'aria-label': 'Output of the job', dir: 'ltr', 'data-follows': String(follows), onscroll },
      output.blocks.map((block) => keyed(block.key, [block], () => h('div', { class: 'output-lines' },
        block.entries.map((entry) => entryView(entry, output, actions)))))),
      !follows && h('button', { id: 'output-follow', class: 'quiet', onclick: toEnd },
        output.ended ? 'To the end' : 'Follow the output'));
  }

  return {
    view(state) {
      const { output } = state;
      if (output.id !== shownID) {
        shownID = output.id;
        follows = true;
      }
      return keyed(`output-${output.id}`, [output, follows], () => h('div', { class: 'detail-part' }, view(state)));
    },
    drawn() {
      const box = element();
      if (box && follows && box.scrollTop + box.clientHeight < box.scrollHeight - 1) box.scrollTop = box.scrollHeight;
    },
  };
}

"""#),
("js/views/pages.js", #"""
// The links between the pages.

import { h } from '../render/element.js';
import { hashOf } from '../route.js';

const words = { queue: 'Queue', 'dead-letters': 'Dead letters', workers: 'Workers' };

/** A panel that is open is closed: it belongs to the page that is left. */
export const pagesView = (state) =>
  h('nav', { id: 'pages', 'aria-label': 'Pages' }, Object.entries(words).map(([view, text]) => h('a', {
    key: view, id: `page-${view}`, href: hashOf(state, { view, selected: null }),
    'aria-current': state.view === view ? 'page' : null,
  }, text)));

"""#),
("js/views/progress-bar.js", #"""
// How far a running job is.

import { h } from '../render/element.js';
import { plainLine } from '../text/plain.js';

export function progressBar(job) {
  const percent = job.progress?.percent ?? null;
  const whole = percent === null ? null : Math.round(percent);
  return h('div', {
    class: 'progress', role: 'progressbar', 'aria-label': `Progress of ${plainLine(job.type)}`, 'aria-valuemin': 0,
    'aria-valuemax': 100, 'aria-valuenow': whole ?? 0,
    'aria-valuetext': whole === null ? 'no progress reported' : `${whole} %`, 'data-unknown': whole === null,
  }, h('div', { class: 'progress-fill', style: { transform: `scaleX(${(percent ?? 0) / 100})` } }));
}

"""#),
("js/views/queue.js", #"""
// The list of jobs: a grid of which only the visible rows are in the document.

import { h, keyed, render } from '../render/element.js';
import { reveal, scrollByPixels, visibleSpan } from '../render/virtual-rows.js';
import { filterCounts } from '../state/filter.js';
import { isNarrow, NO_FILTER, sameFilter } from '../state/filter.js';
import { countText } from '../text/number.js';
import { jobRow } from './job-row.js';

const mostRows = 160;
const holdMilliseconds = 1200;
const headings = ['Running', 'Waiting', 'Ended'];

/** Where rows and headings stand: `groups` of {start, count, top, heading}, in pixels. */
export function layoutOf(counts, rowHeight, headingHeight) {
  const filled = counts.map((count, group) => ({ count, group })).filter(({ count }) => count > 0);
  const withHeadings = filled.length > 0 && (counts[0] > 0 || counts[1] > 0);
  let top = 0;
  let start = 0;
  const groups = filled.map(({ count, group }, place) => {
    const heading = withHeadings ? headingHeight : 0;
    const entry = { group, start, count, top, heading, before: withHeadings ? place + 1 : 0 };
    top += heading + count * rowHeight;
    start += count;
    return entry;
  });
  return {
    groups, height: top, size: start, rowHeight, rows: start + (withHeadings ? groups.length : 0),
    topOf(index) {
      const group = groups.find((entry) => index < entry.start + entry.count) ?? groups[groups.length - 1];
      return group ? group.top + group.heading + (index - group.start) * rowHeight : 0;
    },
    beforeOf: (index) => groups.find((entry) => index < entry.start + entry.count)?.before ?? 0,
    /** The positions that touch the span of pixels. */
    indexesIn(from, to) {
      let first = null;
      let last = 0;
      for (const group of groups) {
        const begin = Math.max(0, Math.floor((from - group.top - group.heading) / rowHeight));
        const end = Math.min(group.count, Math.ceil((to - group.top - group.heading) / rowHeight));
        if (end <= begin) continue;
        first ??= group.start + begin;
        last = group.start + end;
      }
      return { first: first ?? 0, last };
    },
  };
}

function groupCounts(state) {
  const { matching, filter } = state.collection;
  const counts = filterCounts(matching);
  const shows = (name) => filter.status === 'all' || filter.status === name;
  return [
    shows('running') ? counts.running : 0, shows('waiting') ? counts.waiting : 0,
    ['completed', 'failed', 'cancelled'].reduce((sum, name) => sum + (shows(name) ? counts[name] : 0), 0),
  ];
}

function emptyView(state, actions) {
  const { filter } = state.collection;
  const canWrite = !state.session?.read_only;
  if (!state.loaded) {
    return [h('h3', null, 'Loading the queue…'), h('p', null, 'The list appears as soon as the server answers.')];
  }
  if (!sameFilter(filter, NO_FILTER)) {
    return [
      h('h3', null, isNarrow(filter) ? 'No job matches' : `No ${filter.status} job`),
      h('p', null, filter.status === 'failed' ? 'Nothing went wrong.' : 'Nothing in the queue fits this filter.'),
      h('button', { onclick: () => actions.filter(NO_FILTER, { push: true }) }, 'Show all jobs'),
    ];
  }
  return [
    h('h3', null, 'The queue is empty'),
    h('p', null, canWrite ? 'Submit a job here, or from a terminal:' : 'Jobs appear here as they are submitted.'),
    canWrite && h('pre', null, h('code', null, `stint submit countdown --url ${location.origin}`)),
    canWrite && h('button', { class: 'primary', onclick: actions.newJob }, 'New job'),
  ];
}

export function createQueueView({ scroller, rows, empty, actions, requestRender }) {
  let activeID = null;
  let drawn = null;
  let held = null;
  let pointerAt = 0;
  let release = null;
  let lastFilter = null;
  let sizes = { row: 60, heading: 36 };

  function measure() {
    const style = getComputedStyle(scroller);
    sizes = {
      row: parseFloat(style.getPropertyValue('--row-height')) || 60,
      heading: parseFloat(style.getPropertyValue('--heading-height')) || 36,
    };
  }

  // While the pointer moves over the list, rows keep their places and only their contents change.
  const hold = () => {
    pointerAt = Date.now();
    if (release === null) release = setTimeout(letGo, holdMilliseconds);
  };
  const letGo = () => {
    const rest = pointerAt + holdMilliseconds - Date.now();
    release = rest > 0 ? setTimeout(letGo, rest) : null;
    if (rest <= 0) requestRender();
  };
  rows.addEventListener('pointermove', (event) => event.pointerType === 'mouse' && hold());
  rows.addEventListener('pointerleave', () => {
    pointerAt = 0;
    requestRender();
  });
  window.addEventListener('scroll', () => requestRender(), { capture: true, passive: true });
  new ResizeObserver(() => {
    measure();
    requestRender();
  }).observe(scroller.parentElement);
  window.addEventListener('resize', () => requestRender());
  measure();

  /** The order to draw: the state's, or the one that is held for the pointer while all its rows are still there. */
  function orderToDraw(state) {
    const fresh = { shown: state.collection.shown, counts: groupCounts(state) };
    const isHeld = held && Date.now() - pointerAt < holdMilliseconds && lastFilter === state.collection.filter;
    lastFilter = state.collection.filter;
    if (isHeld && drawn?.keys.every((key) => state.collection.jobs.get(key))) return held;
    held = fresh;
    return fresh;
  }

  /** Keeps what is read in its place when rows come or go above it. */
  function anchored(layout, shown) {
    if (!drawn || drawn.span.top < drawn.layout.rowHeight || drawn.shown === shown) return;
    for (const [place, key] of drawn.keys.entries()) {
      const before = drawn.layout.topOf(drawn.first + place);
      if (before < drawn.span.top) continue;
      const index = shown.indexOf(key);
      if (index < 0) continue;
      const moved = layout.topOf(index) - before;
      if (moved !== 0 && layout.height > drawn.span.top) {
        rows.style.setProperty('height', `${layout.height}px`);
        scrollByPixels(scroller, moved);
      }
      return;
    }
  }

  function draw(state) {
    const { shown, counts } = orderToDraw(state);
    const { jobs } = state.collection;
    const layout = layoutOf(counts, sizes.row, sizes.heading);
    if (lastFilter === drawn?.filter) anchored(layout, shown);
    const span = visibleSpan(scroller, rows);
    const { first, last } = layout.indexesIn(span.from, span.to);
    const keys = shown.slice(first, Math.min(last, first + mostRows));
    if (activeID !== null && !jobs.get({ id: activeID })) activeID = null;
    // One row can be reached by Tab: where the keyboard was, or the first that is drawn.
    const isDrawn = rows.contains(document.activeElement) || keys.some(({ id }) => id === activeID);
    const tabID = activeID !== null && isDrawn ? activeID : keys[0]?.id;
    const second = Math.floor(state.now);
    const canWrite = !state.session?.read_only;
    const drawRow = (key, index) => {
      const job = jobs.get(key);
      if (!job) return null;
      const top = layout.topOf(index);
      const row = index + layout.beforeOf(index) + 1;
      const isSelected = key.id === state.selected;
      const isActive = key.id === tabID;
      const place = { top, index: row, isSelected, isActive, canWrite };
      return keyed(key.id, [job, second, top, row, isSelected, isActive, canWrite], () =>
        jobRow(job, second, place, own));
    };
    const children = [];
    keys.forEach((key, place) => {
      const index = first + place;
      const group = layout.groups.find((entry) => entry.start === index);
      if (group?.heading) children.push(heading(group));
      children.push(drawRow(key, index));
    });
    addActive(children, shown, jobs, first, keys.length, drawRow);
    rows.style.setProperty('height', `${layout.height}px`);
    scroller.setAttribute('aria-rowcount', String(layout.rows));
    render(rows, children);
    drawn = { layout, keys, first, span, shown, filter: state.collection.filter };
    const isEmpty = layout.size === 0;
    scroller.hidden = isEmpty;
    empty.hidden = !isEmpty;
    render(empty, isEmpty ? emptyView(state, actions) : null);
  }

  // No id of a job has a space.
  const heading = (group) => h('div', {
    class: 'group-heading', role: 'row', key: `group ${group.group}`, 'aria-rowindex': group.start + group.before,
    style: { transform: `translateY(${group.top}px)` },
  }, h('span', { role: 'gridcell' }, headings[group.group], ' ', h('span', { class: 'count' },
    countText(group.count))));

  /** The row that has the keyboard stays in the document while it is scrolled away. */
  function addActive(children, shown, jobs, first, count, drawRow) {
    const job = activeID && jobs.get({ id: activeID });
    if (!job || !rows.contains(document.activeElement)) return;
    const index = shown.indexOf(job.key);
    if (index < 0 || (index >= first && index < first + count)) return;
    if (index < first) children.unshift(drawRow(job.key, index));
    else children.push(drawRow(job.key, index));
  }

  const own = {
    cancelJob: actions.cancelJob,
    retryJob: actions.retryJob,
    openJob: (id) => {
      activeID = id;
      pointerAt = 0;
      actions.openJob(id);
    },
    activate(id) {
      if (id === activeID) return;
      activeID = id;
      requestRender();
    },
  };

  function focusIndex(state, index) {
    const { shown } = state.collection;
    const key = shown.at(Math.min(shown.size - 1, Math.max(0, index)));
    if (!key) return null;
    pointerAt = 0;
    activeID = key.id;
    const layout = layoutOf(groupCounts(state), sizes.row, sizes.heading);
    const place = shown.indexOf(key);
    const top = layout.topOf(place);
    rows.style.setProperty('height', `${layout.height}px`);
    scroller.hidden = false;
    drawn = null;
    reveal(scroller, rows, place === 0 ? 0 : top, top + sizes.row, 72);
    draw(state);
    focusActive();
    return key.id;
  }

  function focusActive() {
    rows.querySelector(`[data-job="${CSS.escape(activeID ?? '')}"]`)?.focus({ preventScroll: true });
  }

  return {
    draw,
    /** Moves the keyboard's place by so many rows; the id of the job there. */
    move(state, step) {
      const job = activeID && state.collection.jobs.get({ id: activeID });
      const index = job ? state.collection.shown.indexOf(job.key) : -1;
      const isThere = rows.contains(document.activeElement) || state.selected === activeID;
      return focusIndex(state, index < 0 ? 0 : isThere ? index + step : index);
    },
    moveTo: (state, index) => focusIndex(state, index < 0 ? state.collection.shown.size - 1 : index),
    pageSize: () => Math.max(1, Math.floor(Math.min(scroller.clientHeight, window.innerHeight) / sizes.row) - 1),
    /** Gives the keyboard to a job's row, if it is in the list. */
    focusJob(state, id) {
      const job = state.collection.jobs.get({ id });
      const index = job ? state.collection.shown.indexOf(job.key) : -1;
      if (index < 0) return false;
      focusIndex(state, index);
      return true;
    },
    /** Scrolls a job into view and makes it the keyboard's place, without taking the focus. */
    show(state, id) {
      const job = state.collection.jobs.get({ id });
      const index = job ? state.collection.shown.indexOf(job.key) : -1;
      if (index < 0) return;
      activeID = id;
      const layout = layoutOf(groupCounts(state), sizes.row, sizes.heading);
      reveal(scroller, rows, layout.topOf(index), layout.topOf(index) + sizes.row, 72);
    },
    get activeID() {
      return activeID;
    },
  };
}

"""#),
("js/views/shortcuts.js", #"""
// The sheet of keyboard short cuts.

import { h } from '../render/element.js';
import { icon } from './icons.js';

const shortcuts = [
  ['Move', [
    ['j ↓', 'Next job'], ['k ↑', 'Previous job'], ['Home End', 'First, last job'], ['Enter', 'Open the job'],
    ['Esc', 'Close what is open'],
  ]],
  ['Act', [['n', 'New job'], ['c', 'Cancel the chosen job'], ['r', 'Retry the chosen job']]],
  ['Look', [
    ['/', 'Search'], ['g', 'Next page: queue, dead letters, workers'], ['t', 'Theme: system, light, dark'],
    ['?', 'This sheet'],
  ]],
];

export function shortcutsView(actions) {
  return [
    h('div', { class: 'dialog-head' }, h('h2', { id: 'shortcuts-title' }, 'Keyboard short cuts'),
      h('button', { class: 'icon-button', 'aria-label': 'Close', onclick: actions.closeDialog }, icon('close'))),
    h('div', { class: 'shortcut-groups' }, shortcuts.map(([title, keys]) => h('section', { key: title },
      h('h3', null, title),
      h('dl', null, keys.map(([key, words]) => h('div', { key },
        h('dt', null, key.split(' ').map((one) => [h('kbd', null, one), ' '])), h('dd', null, words))))))),
    h('p', { class: 'hint' }, 'None of them while you type in a field.'),
  ];
}

"""#),
("js/views/sign-in.js", #"""
// The dialog that asks for the token.

import { h } from '../render/element.js';
import { plainText } from '../text/plain.js';

export function signInView({ busy, fault }, actions) {
  return h('form', {
    class: 'sign-in', novalidate: true,
    onsubmit: (event) => {
      event.preventDefault();
      actions.signIn(event.target.elements.token);
    },
  },
  h('h2', { id: 'sign-in-title' }, 'Sign in'),
  h('p', { id: 'sign-in-text' }, 'This server needs a token. It is exchanged for a cookie that no script can read.'),
  h('div', { class: 'field', 'data-fault': Boolean(fault) },
    h('label', { for: 'token' }, 'Token'),
    h('input', {
      id: 'token', name: 'token', type: 'password', autocomplete: 'current-password', autofocus: true, required: true,
      'aria-invalid': fault ? 'true' : null, 'aria-describedby': fault ? 'sign-in-error' : 'sign-in-text',
    }),
    fault && h('p', { class: 'fault', id: 'sign-in-error', role: 'alert' }, plainText(fault))),
  h('div', { class: 'form-buttons' },
    h('button', { id: 'sign-in-submit', class: 'primary', type: 'submit' }, busy ? 'Signing in…' : 'Sign in')));
}

"""#),
("js/views/stats.js", #"""
// The live figures: how many jobs stand how, how fast it goes, which slots are busy.

import { h } from '../render/element.js';
import { countText, rateText } from '../text/number.js';
import { durationText } from '../text/duration.js';
import { glyph } from './status.js';

const mostDots = 16;
const counted = [
  ['running', 'Running'], ['pending', 'Pending'], ['retrying', 'Retrying'], ['scheduled', 'Scheduled'],
  ['failed', 'Failed'], ['completed', 'Completed'], ['cancelled', 'Cancelled'],
];

/** A figure; a long one is set smaller, so that it can be read whole. */
const figure = (name, text, title = null) =>
  h('dd', { 'data-stat': name, title, 'data-long': text.length > 8 ? 'very' : text.length > 6 ? 'yes' : null }, text);

function countStat(stats, name, label) {
  const count = stats?.[name];
  return h('div', { class: 'stat', 'data-status': name, 'data-zero': !count },
    h('dt', null, glyph(name), h('span', null, label)),
    figure(name, countText(count)));
}

function slots(worker) {
  const capacity = worker?.capacity ?? 0;
  const active = worker?.active ?? 0;
  const dots = capacity > 0 && capacity <= mostDots
    ? h('span', { class: 'slots', 'aria-hidden': 'true' },
      Array.from({ length: capacity }, (_, slot) => h('span', { 'data-busy': slot < active })))
    : null;
  return h('div', { class: 'stat' },
    h('dt', null, h('span', null, 'Slots'), dots),
    figure('slots', worker ? `${countText(active)}/${countText(capacity)}` : '—',
      `${active} of ${capacity} worker slots are busy`));
}

export function statsView(state) {
  const { stats } = state;
  return h('dl', { class: 'stat-list' },
    counted.map(([name, label]) => countStat(stats, name, label)),
    h('div', { class: 'stat' },
      h('dt', null, h('span', null, 'Jobs/s')),
      figure('throughput', rateText(stats?.throughput),
        `jobs that ended a second, in the last ${stats?.window_seconds ?? 10} s`)),
    h('div', { class: 'stat' },
      h('dt', null, h('span', null, 'Mean time')),
      figure('avg', stats?.avg_duration_ms == null ? '—' : durationText(stats.avg_duration_ms / 1000),
        `mean duration of the last ${stats?.window_seconds ?? 10} s`)),
    slots(stats?.worker));
}

"""#),
("js/views/status.js", #"""
// A status as glyph and word. Colour comes from css/status.css by `data-status`.

import { h } from '../render/element.js';

export const STATUS_WORDS = {
  running: 'Running', pending: 'Pending', retrying: 'Retrying', scheduled: 'Scheduled', blocked: 'Blocked',
  completed: 'Completed', failed: 'Failed', cancelled: 'Cancelled',
};

const shapes = {
  running: [['circle', { cx: 8, cy: 8, r: 5.5, class: 'glyph-track' }], ['path', { d: 'M8 2.5a5.5 5.5 0 0 1 5.5 5.5',
    class: 'glyph-turn' }]],
  pending: [['circle', { cx: 8, cy: 8, r: 5.5, 'stroke-dasharray': '2.2 2.12' }]],
  retrying: [['path', { d: 'M13.2 6.2A5.5 5.5 0 1 0 13.5 8.6' }], ['path', { d: 'M13.6 2.9v3.4h-3.4' }]],
  scheduled: [['circle', { cx: 8, cy: 8, r: 5.5 }], ['path', { d: 'M8 5v3.2l2.1 1.3' }]],
  blocked: [['circle', { cx: 8, cy: 8, r: 5.5 }], ['path', { d: 'M6.4 5.8v4.4M9.6 5.8v4.4' }]],
  completed: [['circle', { cx: 8, cy: 8, r: 6.5, class: 'glyph-fill' }], ['path', { d: 'M5.2 8.2l2 2 3.7-4.2',
    class: 'glyph-mark' }]],
  failed: [['circle', { cx: 8, cy: 8, r: 6.5, class: 'glyph-fill' }], ['path',
    { d: 'M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4', class: 'glyph-mark' }]],
  cancelled: [['circle', { cx: 8, cy: 8, r: 5.5 }], ['path', { d: 'M4.2 11.8l7.6-7.6' }]],
};

/** The drawn glyph of a status; the word beside it says the same. */
export const glyph = (status) =>
  h('svg', { class: 'glyph', viewBox: '0 0 16 16', 'aria-hidden': 'true', 'data-glyph': status },
    (shapes[status] ?? shapes.pending).map(([tag, props]) => h(tag, props)));

/** The word for how a job stands; one that was asked to stop is stopping. */
export const statusWord = (job) =>
  job.status === 'running' && job.cancel_requested_at ? 'Stopping' : STATUS_WORDS[job.status] ?? job.status;

export const statusBadge = (job) =>
  h('span', { class: 'status', 'data-status': job.status }, glyph(job.status), h('span', null, statusWord(job)));

"""#),
("js/views/time.js", #"""
// Times and durations as elements.

import { h } from '../render/element.js';
import { absoluteText, isoText, relativeText } from '../text/time.js';
import { durationISO, durationText, tickingText } from '../text/duration.js';

/** `4 min ago`, with the whole time on hover. What has happened never lies ahead, whatever the clocks say. */
export const timeAgo = (seconds, now) =>
  h('time', { datetime: isoText(seconds), title: absoluteText(seconds) }, relativeText(Math.min(seconds, now), now));

/** A time in full, with how long ago on hover. */
export const timeInFull = (seconds, now) =>
  h('time', { datetime: isoText(seconds), title: relativeText(seconds, now) }, absoluteText(seconds));

/** A duration that is over. */
export const duration = (seconds) => h('time', { datetime: durationISO(seconds) }, durationText(seconds));

/** A duration from `start` until now. */
export const elapsed = (start, now) =>
  h('time', { datetime: durationISO(now - start), title: `since ${absoluteText(start)}` }, tickingText(now - start));

"""#),
("js/views/timeline.js", #"""
// A job's whole life: a bar in proportion, and the steps in order.

import { h } from '../render/element.js';
import { lifeOf } from '../text/life.js';
import { plainLine } from '../text/plain.js';
import { durationText, tickingText } from '../text/duration.js';
import { absoluteText, clockText, isoText } from '../text/time.js';
import { glyph } from './status.js';

const mostSteps = 60;

const lengthText = (step, now) => (step.to === null ? tickingText(now - step.from) : durationText(step.to - step.from));

function step(entry, now) {
  const isSpan = entry.kind !== 'event';
  return h('li', { class: 'step', 'data-kind': entry.kind, 'data-status': entry.status },
    h('span', { class: 'step-mark' }, glyph(entry.kind === 'wait' && entry.to !== null ? 'pending' : entry.status)),
    h('span', { class: 'step-word' }, entry.word,
      entry.outcome && h('span', { class: 'step-outcome' }, `: ${entry.outcome.toLowerCase()}`),
      entry.by && h('span', { class: 'step-by', dir: 'auto' }, ` by ${plainLine(entry.by)}`)),
    h('span', { class: 'step-length' }, isSpan ? lengthText(entry, now)
      : h('time', { datetime: isoText(entry.from), title: absoluteText(entry.from) }, clockText(entry.from))));
}

export function timelineView(job, history, now) {
  const steps = lifeOf(job, history);
  const spans = steps.filter((entry) => entry.kind !== 'event');
  const total = spans.reduce((sum, entry) => sum + Math.max(0, (entry.to ?? now) - entry.from), 0);
  const left = steps.length - mostSteps;
  return h('section', { class: 'block', id: 'timeline' },
    h('h3', null, 'Life'),
    spans.length > 0 && h('div', { class: 'life-bar', 'aria-hidden': 'true' }, spans.slice(-200).map((entry) => {
      const seconds = Math.max(0, (entry.to ?? now) - entry.from);
      return h('span', {
        'data-kind': entry.kind, 'data-status': entry.status, title: `${entry.word}: ${lengthText(entry, now)}`,
        style: { 'flex-grow': String(total > 0 ? Math.max(seconds / total, 0.012) : 1) },
      });
    })),
    left > 0 && h('p', { class: 'hint' }, `${left} earlier steps are not shown.`),
    h('ol', { class: 'steps' }, steps.slice(-mostSteps).map((entry) => step(entry, now))));
}

"""#),
("js/views/workers.js", #"""
// The page of workers: who they are, how busy, and what they run.

import { h, keyed } from '../render/element.js';
import { hashOf } from '../route.js';
import { hasNone, hasProcesses, knownCount, workerTotals } from '../state/workers.js';
import { durationText } from '../text/duration.js';
import { countText, plural } from '../text/number.js';
import { plainLine, plainText, shortId } from '../text/plain.js';
import { icon } from './icons.js';
import { progressBar } from './progress-bar.js';
import { glyph } from './status.js';
import { elapsed, timeAgo } from './time.js';

const mostWorkers = 100;
const mostJobs = 32;

const states = { idle: ['pending', 'Idle'], busy: ['running', 'Busy'], draining: ['blocked', 'Draining'] };

function stateView(worker) {
  const [status, word] = states[worker.state] ?? ['pending', worker.state];
  return h('span', { class: 'status', 'data-status': status }, glyph(status), h('span', null, word));
}

function jobView(job, state, actions) {
  const percent = Number.isFinite(job.percent) ? job.percent : null;
  return h('li', { class: 'worker-job', key: job.id, 'data-job': job.id, 'data-status': 'running' },
    h('div', { class: 'worker-line' },
      h('a', {
        class: 'dead-open', 'data-row': true, href: hashOf(state, { selected: job.id }),
        onclick: (event) => {
          event.preventDefault();
          actions.openJob(job.id);
          actions.focusDetail();
        },
      }, h('span', { class: 'row-type', dir: 'auto' }, plainLine(job.type)),
      h('code', { title: job.id }, plainLine(shortId(job.id)))),
      h('span', { class: 'worker-took' },
        job.started_at ? elapsed(job.started_at, Math.floor(state.now)) : 'starting',
        job.estimated_seconds != null && h('span', null, ` of about ${durationText(job.estimated_seconds)}`))),
    h('div', { class: 'row-second' },
      progressBar({ type: job.type, progress: percent === null ? null : { percent } }),
      h('span', { class: 'row-percent' }, percent === null ? '' : `${Math.round(percent)} %`),
      job.label && h('span', { class: 'row-note', dir: 'auto' }, plainLine(job.label))));
}

function workerView(worker, state, actions) {
  const left = worker.jobs.length - mostJobs;
  const types = worker.types ?? [];
  // A worker over HTTP need not say where it runs: then its name tells it from others.
  const hasProcess = worker.pid > 0;
  const place = hasProcess ? `${worker.host}, process ${worker.pid}` : worker.id;
  return h('li', { class: 'worker', 'data-worker': worker.id, 'data-state': worker.state },
    h('div', { class: 'worker-line' }, stateView(worker),
      h('span', { class: 'worker-place', dir: 'auto' }, plainLine(place)),
      h('span', { class: 'worker-slots', 'data-field': 'slots' },
        `${countText(worker.jobs.length)} of ${plural(worker.slots, 'slot')}`)),
    h('p', { class: 'worker-facts' }, hasProcess ? h('code', null, plainLine(worker.id)) : plainLine(`at ${worker.host}`),
      ` · ${plural(worker.processed, 'job')} done`,
      worker.abandoned > 0 && h('span', { class: 'worker-abandoned' },
        ` · ${plural(worker.abandoned, 'attempt')} that ${worker.abandoned === 1 ? 'does' : 'do'} not stop`),
      worker.started_at ? [' · started ', timeAgo(worker.started_at, Math.floor(state.now))] : null,
      types.length > 0 && h('span', { title: types.map(plainLine).join(', ').slice(0, 1000) },
        ` · ${plural(types.length, 'job type')}`)),
    worker.jobs.length > 0 && h('ul', { class: 'worker-jobs' },
      worker.jobs.slice(0, mostJobs).map((job) => jobView(job, state, actions))),
    left > 0 && h('p', { class: 'hint' }, `${plural(left, 'more job')} not shown.`));
}

/** Puts the known number into the field, unless somebody is writing another one. To be called once it is drawn. */
export function workersDrawn(state) {
  const field = document.getElementById('worker-count');
  const known = String(knownCount(state.workers) ?? '');
  if (!field || field.dataset.known === known) return;
  const isWriting = field === document.activeElement && field.value !== (field.dataset.known ?? '');
  if (isWriting && field.value !== known) return;
  field.dataset.known = known;
  field.value = known;
}

/** Asks the server to run more or fewer jobs at once. */
function countView(state, actions) {
  const { workers } = state;
  if (hasNone(workers)) {
    return h('p', { id: 'worker-none', class: 'hint', key: 'none' },
      'This server runs no workers itself: how many there are is not changed here.');
  }
  const field = () => document.getElementById('worker-count');
  /** From what stands in the field where that was not sent yet, else from what the server runs. */
  const step = (by) => {
    const { value, dataset } = field();
    const isWritten = value.trim() !== '' && value !== dataset.known;
    if (isWritten) actions.setWorkerCount(String(Math.max(0, Number(value) + by)));
    else actions.addWorkers(by);
  };
  return h('form', {
    id: 'worker-count-form', novalidate: true, key: 'count',
    onsubmit: (event) => {
      event.preventDefault();
      actions.setWorkerCount(field().value);
    },
  },
  h('label', { for: 'worker-count' },
    hasProcesses(workers) ? 'Worker processes of this server' : 'Jobs at once in this server'),
  h('div', { class: 'stepper' },
    h('button', {
      id: 'worker-fewer', type: 'button', class: 'icon-button', 'aria-label': 'One fewer', title: 'One fewer',
      disabled: knownCount(workers) === 0, onclick: () => step(-1),
    }, icon('minus')),
    h('input', {
      id: 'worker-count', type: 'number', min: 0, max: 1000, inputmode: 'numeric', placeholder: '–',
      autocomplete: 'off',
      'aria-invalid': workers.countFault ? 'true' : null,
      'aria-describedby': workers.countFault ? 'worker-count-error' : null,
    }),
    h('button', {
      id: 'worker-more', type: 'button', class: 'icon-button', 'aria-label': 'One more', title: 'One more',
      onclick: () => step(1),
    }, icon('plus')),
    h('button', { id: 'worker-set', type: 'submit' }, 'Set')),
  workers.countFault && h('p', { class: 'fault', id: 'worker-count-error', role: 'alert' },
    plainText(workers.countFault)));
}

function totalsText({ workers: { list }, stats }) {
  if (list === null) return 'Reading…';
  const { slots, busy, processed } = workerTotals(list, stats);
  return `${plural(list.length, 'worker')}, ${countText(busy)} of ${plural(slots, 'slot')} busy, `
    + `${plural(processed, 'job')} done`;
}

export function workersView(state, actions) {
  const { list, fault } = state.workers;
  const left = (list?.length ?? 0) - mostWorkers;
  return [
    h('div', { class: 'page-head' },
      h('h2', { id: 'workers-title', tabindex: -1 }, 'Workers'),
      h('p', { id: 'workers-count' }, list === null && fault ? '' : totalsText(state))),
    !state.session?.read_only && countView(state, actions),
    h('div', { class: 'page-body', key: 'body', tabindex: 0, role: 'region', 'aria-label': 'List of workers' },
      fault && h('div', { id: 'workers-fault', class: 'page-fault', role: 'alert' },
        h('p', { dir: 'auto' }, `The workers could not be read: ${plainLine(fault)}`)),
      list?.length === 0 && h('div', { id: 'workers-empty', class: 'empty' },
        h('h3', null, 'No workers'),
        h('p', null, 'Jobs wait until one starts: ', h('code', null, 'stint start-workers'))),
      h('ul', { id: 'worker-list' },
        (list ?? []).slice(0, mostWorkers).map((worker) =>
          keyed(worker.id, [worker, Math.floor(state.now)], () => workerView(worker, state, actions)))),
      left > 0 && h('p', { class: 'hint' }, `${plural(left, 'more worker')} not shown.`)),
  ];
}

"""#),
("js/worker-actions.js", #"""
// What a person can do on the page of workers: change how many jobs run at once in the server, or worker processes.

const most = 1000;

export function createWorkerActions({ store, api, reader }) {
  let last = Promise.resolve();

  /** One change after the other; `count` gives the number that is wanted, or NaN. */
  function change(count) {
    last = last.then(async () => {
      if (store.state.session?.read_only) return;
      store.dispatch({ type: 'workers_counting' });
      try {
        const wanted = await count();
        if (!(wanted >= 0 && wanted <= most)) {
          store.dispatch({ type: 'workers_refused', message: `A whole number from 0 to ${most} is needed.` });
          return;
        }
        await api.setWorkers(wanted);
        store.dispatch({ type: 'workers_counted', own: await api.workerCount() });
        reader.hurry();
      } catch (error) {
        store.dispatch({ type: 'workers_refused', message: error.message });
      }
    });
    return last;
  }

  return {
    setWorkerCount: (text) => change(() => (/^\d+$/.test(text.trim()) ? Number(text) : NaN)),
    /** So many more than there are now, whoever else has changed the number. */
    addWorkers: (by) => change(async () => {
      const { count } = await api.workerCount();
      return Math.min(most, Math.max(0, (count ?? 0) + by));
    }),
  };
}

"""#),
  ]
}
