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
