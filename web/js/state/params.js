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
