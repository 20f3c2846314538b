import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { reconnectDelay } from '../../web/js/live/socket.js';
import { parseRoute, routeHash } from '../../web/js/route.js';
import { NO_DEAD_FILTER } from '../../web/js/state/dead-letters.js';
import { lastAttempt, retriesUsed, summaryOf } from '../../web/js/state/job.js';
import { faultsByField, fieldText, readDuration, readOptions, readParams } from '../../web/js/state/params.js';
import { curlCommand, hidesSecrets, shellWord, stintCommand } from '../../web/js/text/command-line.js';
import { durationText, tickingText } from '../../web/js/text/duration.js';
import { attemptsOf, lifeOf } from '../../web/js/text/life.js';
import { linkOf, plainLine, plainText, shortId } from '../../web/js/text/plain.js';
import { countdownText, relativeText } from '../../web/js/text/time.js';

test('durations', () => {
  const cases = [[null, '—'], [0, '0 ms'], [0.0004, '<1 ms'], [0.812, '812 ms'], [0.9996, '1.0 s'], [10.004, '10.0 s'],
    [59.97, '1 m 00 s'], [245, '4 m 05 s'], [7380, '2 h 03 m'], [273_600, '3 d 4 h'], [-3, '0 ms']];
  for (const [seconds, text] of cases) assert.equal(durationText(seconds), text);
  assert.equal(tickingText(7.9), '7 s');
  assert.equal(tickingText(61.2), '1 m 01 s');
  assert.equal(tickingText(-1), '0 s');
});

test('relative times and countdowns', () => {
  assert.equal(relativeText(100, 100.4), 'just now');
  assert.equal(relativeText(100, 112), '12 s ago');
  assert.equal(relativeText(100, 400), '5 min ago');
  assert.equal(relativeText(400, 100), 'in 5 min');
  assert.equal(relativeText(0, 86_400 * 3), '3 d ago');
  assert.equal(countdownText(104.2, 100), '5 s');
  assert.equal(countdownText(100, 101), 'now');
});

const words = ['plain', '', 'two words', "it's", '$HOME `id` "x"', '!a*?[]{}~#;&|<>\\', 'ünï\u{1f426}', '-x', "'''",
  'a\nb'];

test('shell words come back as they were from a real shell', () => {
  for (const word of words) {
    const out = execFileSync('sh', ['-c', `printf '%s.' ${shellWord(word)}`]).toString();
    assert.equal(out, `${word}.`);
  }
});

test('commands submit the same job again', () => {
  const job = {
    type: 'echo', params: { message: "it's $HOME\n", list: [1, 'a b'], n: 5 }, queue: 'video', priority: 'high',
      max_retries: 0,
    timeout_seconds: 30, tags: { team: 'a b' }, metadata: {}, status: 'failed', id: 'x',
  };
  const curl = curlCommand(job, { origin: 'http://127.0.0.1:8080' });
  const printed = execFileSync('sh', ['-c', curl.replace(/^curl /, "printf '%s\\0' ")]).toString().split('\0');
  assert.deepEqual(JSON.parse(printed[4]), {
    type: 'echo', params: job.params, queue: 'video', priority: 'high', max_retries: 0, timeout_seconds: 30,
      tags: { team: 'a b' },
  });
  assert.equal(printed[0], 'http://127.0.0.1:8080/api/jobs');
  const oneLine = { ...job, params: { ...job.params, message: "it's $HOME" } };
  const stint = stintCommand(oneLine, { origin: 'http://127.0.0.1:8080' });
  const given = execFileSync('sh', ['-c', stint.replace(/^stint /, "printf '%s\\0' ")]).toString().split('\0')
    .slice(0, -1);
  assert.deepEqual(given, ['submit', 'echo', '--param', "message=it's $HOME", '--param', 'list=[1,"a b"]',
    '--param', 'n=5',
    '--queue', 'video', '--priority', 'high', '--max-retries', '0', '--timeout', '30s', '--tag', 'team=a b', '--url',
      'http://127.0.0.1:8080']);
  const retry = { strategy: 'immediate', base_seconds: 0, max_delay_seconds: 9, jitter: 0 };
  assert.match(stintCommand({ ...oneLine, retry }, { origin: 'o' }), /--retry '\{"strategy":"immediate"/);
  const usual = { strategy: 'exponential', base_seconds: 1, max_delay_seconds: 300, jitter: 0.1 };
  assert.doesNotMatch(stintCommand({ ...oneLine, retry: usual }, { origin: 'o' }), /--retry/);
  const odd = stintCommand({ ...oneLine, tags: { 'a=b': 'c' } }, { origin: 'o' });
  assert.match(odd, / \| stint submit --job-file - --url o$/);
  const file = execFileSync('sh', ['-c', odd.replace(/ \| stint .*/, '')]).toString();
  assert.deepEqual(JSON.parse(file).tags, { 'a=b': 'c' });
  assert.match(curlCommand(job, { origin: 'o', tokenRequired: true }), /-H "Authorization: Bearer \$STINT_TOKEN"/);
});

test('secret params are known by what the server shows for them', () => {
  assert.equal(hidesSecrets({ a: 1, key: '***' }), true);
  assert.equal(hidesSecrets({ a: '**', b: ['***'] }), false);
  assert.equal(hidesSecrets(null), false);
});

test('commands hold no control characters, which could end a paste', () => {
  const bad = ['\u001b[201~', 'a\nrm -rf x\n', '\u007f', '\u009b201~', '\u0000', '\r', '\t', '\u0085', '\u2028',
    '\u2029'];
  const jobs = bad.flatMap((text) => [
    { params: { text } }, { params: { list: [1, { deep: text }] } }, { params: { [text]: 1 } },
    { params: { object: { [text]: 1 } } }, { tags: { team: text } }, { tags: { [text]: 'a' } },
    { metadata: { note: [text] } }, { owner: text }, { queue: text }, { priority: text }, { type: text },
    { retry: { strategy: text, base_seconds: 1, max_delay_seconds: 2, jitter: 0 } },
  ]);
  for (const fields of jobs) {
    const job = { type: 'echo', ...fields };
    const curl = curlCommand(job, { origin: 'o', tokenRequired: true });
    const stint = stintCommand(job, { origin: 'o' });
    for (const command of [curl, stint]) {
      assert.doesNotMatch(command, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/, JSON.stringify(fields));
    }
    assert.match(stint, /^printf %s '.*' \| stint submit --job-file - --url o$/);
  }
  const job = { type: 'echo', params: Object.fromEntries(bad.map((text, place) => [`p${place}`, `it's ${text}`])) };
  const file = execFileSync('sh', ['-c', stintCommand(job, { origin: 'o' }).replace(/ \| stint .*/, '')]).toString();
  assert.deepEqual(JSON.parse(file), job, 'and say the same');
  const plain = stintCommand({ type: 'echo', params: { text: 'ünï \u{1f426} \\' } }, { origin: 'o' });
  assert.match(plain, /^stint submit echo --param /);
});

const param = (fields) => ({ name: 'x', required: false, default: null, min: null, max: null, min_items: null,
  max_items: null, choices: null, secret: false, description: '', ...fields });
const check = (fields, value) => {
  const { params, faults } = readParams({ params: [param(fields)] }, { x: value });
  return faults.x ?? params.x;
};

test('params are checked as the server checks them', () => {
  assert.equal(check({ type: 'integer', min: 1, max: 10 }, '11'), '11 is out of range, allowed is 1 to 10');
  assert.equal(check({ type: 'integer', min: 1 }, '0'), '0 is out of range, allowed is 1 or more');
  assert.equal(check({ type: 'integer' }, '1.5'), '1.5 is a number, expected an integer');
  assert.equal(check({ type: 'integer' }, 'ten'), '"ten" is a string, expected an integer');
  assert.equal(check({ type: 'integer' }, '1e3'), 1000);
  assert.equal(check({ type: 'number', max: 2 }, '2.5'), '2.5 is out of range, allowed is 2 or less');
  assert.equal(check({ type: 'string', required: true }, ''), 'is required');
  assert.equal(check({ type: 'string', required: true }, ' '), ' ');
  assert.equal(check({ type: 'string', max: 2 }, '\u{1f426}\u{1f426}'), '\u{1f426}\u{1f426}',
    'characters, not code units');
  assert.equal(check({ type: 'string', max: 2 }, 'abc'), '"abc" has 3 characters, allowed are 2 or less');
  assert.equal(check({ type: 'string' }, ''), undefined, 'left out');
  assert.equal(check({ type: 'boolean' }, true), true);
  assert.deepEqual(check({ type: 'array', max_items: 2 }, ' a \n\nb\n'), ['a', 'b']);
  assert.equal(check({ type: 'array', min_items: 1, max_items: 2 }, 'a\nb\nc'), '3 elements, allowed are 1 to 2');
  assert.deepEqual(check({ type: 'array', default: [1] }, '1\n2'), [1, 2]);
  assert.deepEqual(check({ type: 'object' }, '{"a": 1}'), { a: 1 });
  assert.match(check({ type: 'object' }, '{'), /^is not JSON: /);
  assert.equal(check({ type: 'object' }, '[]'), 'is JSON, but not an object');
  assert.equal(check({ type: 'string', choices: ['a', 'b'] }, 'c'), '"c" is not one of "a", "b"');
  assert.equal(check({ type: 'integer', choices: [1, 2] }, '2'), 2);
  assert.equal(fieldText(param({ type: 'array', default: ['a', 'b'] })), 'a\nb');
});

test('options are checked, and only what was given is sent', () => {
  const { options, faults } = readOptions({ queue: 'default', priority: 'normal', delay: '', max_retries: '',
    tags: '', id: '' });
  assert.deepEqual([options, faults], [{}, {}]);
  const given = readOptions({ queue: 'video', priority: 'low', delay: '1h30m', max_retries: '0',
    timeout_seconds: '2.5', tags: 'a=b\nc = d=e', id: 'my:job' });
  assert.deepEqual(given, {
    options: { id: 'my:job', queue: 'video', priority: 'low', delay: '1h30m', timeout_seconds: 2.5, max_retries: 0,
      tags: { a: 'b', c: 'd=e' } },
    faults: {},
  });
  const wrong = readOptions({ queue: 'a b', delay: 'soon', max_retries: '-1', timeout_seconds: '0', tags: 'novalue',
    id: 'x'.repeat(129) }).faults;
  assert.deepEqual(Object.keys(wrong).sort(), ['delay', 'id', 'max_retries', 'queue', 'tags', 'timeout_seconds']);
  assert.equal(readDuration('5m'), '5m');
  assert.equal(readDuration('m'), undefined);
});

test('faults of the server go to their fields', () => {
  const { faults, rest } = faultsByField([
    { param: 'seconds', message: 'no' }, { param: 'tags.team', message: 'not text' }, { param: 'owner',
      message: 'unknown' },
  ], ['seconds', 'tags']);
  assert.deepEqual(faults, { seconds: 'no', tags: 'not text' });
  assert.deepEqual(rest, ['owner: unknown']);
});

test('text of jobs is made harmless', () => {
  assert.equal(plainText('a\u0007b\r\nc\u202ed'), 'a\u2407b\nc⟨202E⟩d');
  assert.equal(plainLine('a\n\tb'), 'a b');
  assert.equal(shortId('01932c5e-7f3a-7c11-b1a7-0c5d0f6a9e01'), '0f6a9e01');
  assert.equal(shortId('my-job'), 'my-job');
  assert.equal(shortId('nightly-report-0412'), 'nightly-report-0412');
  assert.equal(linkOf('javascript:alert(1)'), null);
  assert.equal(linkOf('https://example.org/a b'), null);
  assert.equal(linkOf('https://example.org'), 'https://example.org/');
  assert.equal(linkOf(' data:text/html,x'), null);
});

test('summaries of params are short', () => {
  assert.equal(summaryOf({ seconds: 10, list: ['a', 1], deep: { a: 1 } }), 'seconds 10 · list a, 1 · deep {"a":1}');
  assert.ok(summaryOf({ text: 'x'.repeat(5000) }).length <= 120);
  assert.equal(summaryOf(null), '');
});

test('attempts of a job', () => {
  const job = { status: 'retrying', attempt: 1, retry_count: 1, max_retries: 3 };
  assert.equal(lastAttempt(job), 4);
  assert.equal(lastAttempt({ ...job, status: 'running', attempt: 2 }), 4);
  assert.equal(lastAttempt({ ...job, status: 'failed', attempt: 4, retry_count: 4 }), 4);
  assert.equal(retriesUsed({ ...job, retry_count: 4 }), 3);
});

test('the life of a job from its history', () => {
  const job = { status: 'running', attempt: 2, created_at: 0, started_at: 9, max_retries: 3 };
  const history = [
    { event: 'submitted', status: 'pending', attempt: 0, at: 0, started_at: null, ended_at: null, by: 'ann',
      from: 'http' },
    { event: 'claimed', status: 'running', attempt: 1, at: 2, started_at: 2, ended_at: null },
    { event: 'timed_out', status: 'retrying', attempt: 1, at: 5, started_at: 2, ended_at: 5, error: { type: 'timeout',
      message: 'x' } },
  ];
  const steps = lifeOf(job, history).map(({ kind, word, from, to }) => [kind, word, from, to]);
  assert.deepEqual(steps, [
    ['event', 'Submitted', 0, 0], ['wait', 'Waited for a slot', 0, 2], ['attempt', 'Attempt 1', 2, 5],
    ['wait', 'Waited to retry', 5, 9], ['attempt', 'Attempt 2', 9, null],
  ]);
  assert.deepEqual(attemptsOf(job, history).map(({ attempt, word }) => [attempt, word]), [[1, 'Timed out'], [2,
    'Running']]);
  const waiting = lifeOf({ status: 'scheduled', created_at: 0, attempt: 0 }, null);
  assert.deepEqual(waiting.map(({ word }) => word), ['Submitted', 'Waits for its time']);
  const cancelled = lifeOf({ status: 'cancelled', created_at: 0, attempt: 0 }, [history[0],
    { event: 'cancel_requested', status: 'cancelled', attempt: 0, at: 4, started_at: null, ended_at: null }]);
  assert.deepEqual(cancelled.map(({ word }) => word), ['Submitted', 'Waited for a slot', 'Cancel asked for']);
});

test('addresses lead where they say', () => {
  const view = { view: 'queue', selected: 'a/b ü', filter: { status: 'failed', type: 'image.resize', q: 'x & y' } };
  assert.deepEqual(parseRoute(routeHash(view)), view);
  assert.equal(routeHash({ selected: null, filter: { status: 'all', type: '', q: '' } }), '#/');
  assert.equal(routeHash({ selected: null, filter: { status: 'failed', type: 'prime', q: 'text' } }),
    '#/?status=failed&type=prime&q=text');
  assert.deepEqual(parseRoute('#/jobs/%zz').selected, null);
  assert.deepEqual(parseRoute('#jobs').filter, { status: 'all', type: '', q: '' });
  const dead = { view: 'dead-letters', selected: 'a/b',
    dead: { type: 'prime', error: 'timeout', queue: '', q: 'x & y' } };
  assert.equal(routeHash(dead), '#/dead-letters?type=prime&error=timeout&q=x+%26+y&job=a%2Fb');
  assert.deepEqual(parseRoute(routeHash(dead)), dead);
  assert.deepEqual(parseRoute('#/dead-letters/').dead, { type: '', error: '', queue: '', q: '' });
  assert.equal(routeHash({ view: 'dead-letters', dead: NO_DEAD_FILTER }), '#/dead-letters');
  assert.deepEqual(parseRoute('#/workers?job=x'), { view: 'workers', selected: 'x' });
  assert.equal(routeHash({ view: 'workers' }), '#/workers');
});

test('the waits between tries to connect', () => {
  for (const random of [0, 0.5, 1]) {
    for (let attempt = 1; attempt < 40; attempt += 1) {
      const delay = reconnectDelay(attempt, random);
      assert.ok(delay >= 0.5 && delay <= 10, `${attempt}: ${delay}`);
    }
  }
  assert.equal(reconnectDelay(9, 1), 10);
});
