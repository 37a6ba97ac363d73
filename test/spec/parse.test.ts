import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { needsCluster } from '../../src/model/desired.ts';
import { type Diagnostic, Failure } from '../../src/model/diagnostic.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import { formatRange } from '../../src/model/range.ts';
import { type LoadedSpec, parseSpec } from '../../src/spec/parse.ts';

const HEAD = 'apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata: { name: dev }\n';

function withProfile(body: string): string {
  return `${HEAD}spec:\n  profiles:\n    - name: minikube\n${body.replace(/^(?=.)/gm, '      ')}\n`;
}

function parse(text: string, local?: string): LoadedSpec {
  const overlay = local === undefined ? undefined : { text: local, file: 'tunnel.local.yaml' };
  return parseSpec(text, 'tunnel.yaml', overlay);
}

function problemsOf(text: string, local?: string): readonly Diagnostic[] {
  try {
    parse(text, local);
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics;
    throw error;
  }
  throw new Error('the spec was accepted');
}

function onlyProfile({ desired }: LoadedSpec) {
  const [profile, ...rest] = desired.profiles;
  if (profile === undefined || rest.length > 0) throw new Error('not one profile');
  return profile;
}

/** `line:column code`, with the file where it is not the spec. */
function places(problems: readonly Diagnostic[]): string[] {
  return problems.map(
    ({ at, code }) => `${at?.file === 'tunnel.yaml' ? '' : `${at?.file} `}${at?.line}:${at?.column} ${code}`,
  );
}

describe('defaults', () => {
  test('a profile needs nothing but its name', () => {
    const loaded = parse(`${HEAD}spec: { profiles: [{ name: minikube }] }`);
    expect(loaded.warnings).toEqual([]);
    expect(loaded.desired).toMatchObject({ name: 'dev', mode: 'present', protocol: 109, localOverrides: [] });
    expect(loaded.desired.spec).toMatch(/^([A-Z]:)?[\\/].*tunnel\.yaml$/);
    expect(onlyProfile(loaded)).toMatchObject({
      name: 'minikube',
      context: 'minikube',
      via: 'auto',
      gateway: { value: 'auto' },
      conflictPolicy: { value: 'abort' },
      services: { value: 'auto' },
      pods: { value: 'auto' },
      loadBalancer: { assign: 'none', pool: [], exclude: [], class: 'mkplan/tunnel', unclassed: 'auto' },
    });
  });

  test('a pool alone means that addresses come from it', () => {
    const { loadBalancer } = onlyProfile(parse(withProfile('loadBalancer:\n  pool: [10.200.0.0/24]')));
    expect(loadBalancer.assign).toBe('pool');
    expect(loadBalancer.pool.map(formatRange)).toEqual(['10.200.0.0/24']);
  });

  test('a profile with everything explicit needs no cluster', () => {
    const text = withProfile('gateway: 192.168.49.2\ncidrs: { services: [10.96.0.0/12], pods: none }');
    expect(needsCluster(onlyProfile(parse(text)))).toBe(false);
  });

  test('a conflict policy comes from the CIDR, else the profile, else the spec', () => {
    const text = `${HEAD}spec:
  conflictPolicy: skip
  profiles:
    - name: one
      cidrs: { services: [10.96.0.0/12, { cidr: 10.112.0.0/12, conflictPolicy: abort }] }
    - name: two
      conflictPolicy: abort
      cidrs: { pods: [10.244.0.0/16] }
`;
    const [one, two] = parse(text).desired.profiles;
    expect(one?.conflictPolicy).toMatchObject({ value: 'skip', at: { line: 5, column: 19 } });
    expect(one?.services.value).toMatchObject([{ conflictPolicy: 'skip' }, { conflictPolicy: 'abort' }]);
    expect(two?.conflictPolicy).toMatchObject({ value: 'abort', at: { line: 10, column: 23 } });
    expect(two?.pods.value).toMatchObject([{ conflictPolicy: 'abort' }]);
  });
});

describe('values', () => {
  test('gateways of both families are made canonical', () => {
    const one = onlyProfile(parse(withProfile('gateway: "FD00:0:0::0A"')));
    expect(one.gateway.value).toEqual({ ipv4: null, ipv6: 'fd00::a' });
    const both = onlyProfile(parse(withProfile('gateway: { ipv4: 192.168.49.2, ipv6: "fd00::1" }')));
    expect(both.gateway.value).toEqual({ ipv4: '192.168.49.2', ipv6: 'fd00::1' });
  });

  test('pools are CIDRs, ranges and single addresses of either family, in the order given', () => {
    const text = 'loadBalancer:\n  pool: [10.201.0.10-10.201.0.50, "fd00:1::/120", 10.200.0.7]';
    expect(onlyProfile(parse(withProfile(text))).loadBalancer.pool.map(formatRange)).toEqual([
      '10.201.0.10-10.201.0.50',
      'fd00:1::/120',
      '10.200.0.7/32',
    ]);
  });

  test('reservations keep their place in the file', () => {
    const text = 'loadBalancer:\n  pool: [10.200.0.0/24]\n  reservations:\n    default/nginx: 10.200.0.10';
    const { reservations } = onlyProfile(parse(withProfile(text))).loadBalancer;
    const [nginx] = reservations.get('default/nginx') ?? [];
    expect(nginx?.at).toEqual({ file: 'tunnel.yaml', line: 10, column: 26 });
    expect(nginx && formatPrefix(nginx.value)).toBe('10.200.0.10/32');
  });

  test('aliases within the bound stand for their values', () => {
    const text = `${HEAD}spec:\n  profiles:\n    - { name: a, gateway: &vm 192.168.49.2 }\n    - { name: b, gateway: *vm }\n`;
    expect(parse(text).desired.profiles.map(({ gateway }) => gateway.value)).toEqual([
      { ipv4: '192.168.49.2', ipv6: null },
      { ipv4: '192.168.49.2', ipv6: null },
    ]);
  });

  test('an alias has the value that was anchored before it, not the one anchored since', () => {
    const text = `${HEAD}spec:
  profiles:
    - { name: a, cidrs: &c { services: [&x 10.96.0.0/12] } }
    - { name: b, cidrs: { services: [&x 10.112.0.0/12] } }
    - { name: c, cidrs: *c }
`;
    const [, , third] = parse(text).desired.profiles;
    const services = third?.services.value;
    expect(Array.isArray(services) && services.map(({ prefix }) => formatPrefix(prefix))).toEqual([
      '10.96.0.0/12',
    ]);
  });

  test('words that YAML 1.1 reads as booleans are text', () => {
    expect(onlyProfile(parse(`${HEAD}spec: { profiles: [{ name: no, context: on }] }`))).toMatchObject({
      name: 'no',
      context: 'on',
    });
  });

  test('two profiles may share a service CIDR', () => {
    const cidrs = 'cidrs: { services: [10.96.0.0/12] }';
    expect(() =>
      parse(`${HEAD}spec: { profiles: [{ name: a, ${cidrs} }, { name: b, ${cidrs} }] }`),
    ).not.toThrow();
  });
});

describe('the form of the document', () => {
  const text = withProfile('gateway: 192.168.49.2');

  test.each([
    ['a final ---', `${text}---\n`],
    ['a final ...', `${text}...\n`],
    ['both', `${text}---\n...\n`],
    ['a final --- with a comment', `${text}--- # end\n# of it\n`],
    ['a first ---', `---\n${text}`],
    ['two of them before it', `---\n---\n${text}`],
    ['a byte order mark', `\ufeff${text}`],
    ['CRLF', text.replaceAll('\n', '\r\n')],
    ['CR alone', text.replaceAll('\n', '\r')],
    ['%YAML 1.2', `%YAML 1.2\n---\n${text}`],
    ['a tab behind a colon', text.replace('kind: ', 'kind:\t')],
    [
      'IPv6 addresses without quotes',
      withProfile('gateway: fd00::1\nloadBalancer:\n  pool:\n    - fd00:1::/120'),
    ],
  ])('may have %s', (_what, given) => {
    expect(onlyProfile(parse(given)).name).toBe('minikube');
  });

  test.each([
    ['a second document', `${text}---\nkind: Tunnel\n`],
    ['a second document behind an empty one', `${text}---\n---\nkind: Tunnel\n`],
    ['a null that is written out', `${text}---\nnull\n`],
    ['more empty ones than anybody writes', `${text}${'---\n'.repeat(1000)}`],
  ])('may not have %s', (_what, given) => {
    expect(problemsOf(given)).toMatchObject([{ code: 'yaml-many-documents' }]);
  });
});

describe('a manifest of the cluster', () => {
  const service = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  type: LoadBalancer\n';

  test.each([
    ['alone', service],
    ['before other documents', `${service}---\napiVersion: apps/v1\nkind: Deployment\n`],
  ])('is told by its kind, %s', (_what, given) => {
    expect(problemsOf(given)).toMatchObject([
      { code: 'not-a-tunnel', summary: 'this is a Kubernetes Service, not a Tunnel' },
    ]);
  });

  test('is not what a spec of another version, or with a mistyped kind, is taken for', () => {
    const spec = service.replace('v1\n', 'mkplan/v9\n').replace('Service', 'Tunnel');
    for (const given of [spec, spec.replace('mkplan/v9', 'v1').replace('Tunnel', 'Tunel')]) {
      expect(problemsOf(given).map(({ code }) => code)).not.toContain('not-a-tunnel');
    }
  });
});

describe('a fix', () => {
  test('is not to remove a key that is required', () => {
    const empty =
      'apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata:\n  name: dev\nspec:\n  profiles: []\n';
    expect(problemsOf(empty)).toMatchObject([{ code: 'too-few', fix: 'add an entry' }]);
    expect(problemsOf('# nothing\n')).toMatchObject([{ fix: expect.stringContaining('init --force') }]);
  });
});

describe('warnings', () => {
  test('an exclusion that excludes nothing', () => {
    const { warnings } = parse(
      withProfile('loadBalancer:\n  pool: [10.200.0.0/24]\n  exclude: [10.201.0.1]'),
    );
    expect(warnings).toMatchObject([
      { code: 'exclude-outside-pool', severity: 'warning', at: { line: 9, column: 19 } },
    ]);
  });

  test('a pool that nothing is taken from', () => {
    const loaded = parse(withProfile('loadBalancer:\n  assign: clusterIP\n  pool: [10.200.0.0/24]'));
    expect(loaded.warnings).toMatchObject([{ code: 'pool-unused', severity: 'warning' }]);
    expect(onlyProfile(loaded).loadBalancer.pool).toEqual([]);
  });
});

describe('overlay', () => {
  const spec = withProfile(`gateway: auto
loadBalancer:
  pool: [10.200.0.0/24]
  reservations: { default/nginx: 10.200.0.10 }`);

  test('overrides what it names, says so, and keeps its own positions', () => {
    const local = `spec:
  conflictPolicy: skip
  profiles:
    - name: minikube
      context: mine
      gateway: { ipv4: 192.168.49.2 }
      loadBalancer:
        pool: [10.200.0.0/25]
        reservations: { default/api: 10.200.0.11 }
`;
    const { desired } = parse(spec, local);
    expect(desired.localOverrides).toEqual([
      'conflictPolicy',
      'profiles[minikube].context',
      'profiles[minikube].gateway.ipv4',
      'profiles[minikube].loadBalancer.pool',
      'profiles[minikube].loadBalancer.reservations[default/api]',
    ]);
    const [profile] = desired.profiles;
    expect(profile).toMatchObject({
      context: 'mine',
      gateway: { value: { ipv4: '192.168.49.2', ipv6: null } },
      conflictPolicy: { value: 'skip', at: { file: 'tunnel.local.yaml', line: 2, column: 19 } },
      at: { file: 'tunnel.yaml', line: 6 },
    });
    expect([...(profile?.loadBalancer.reservations.keys() ?? [])]).toEqual(['default/nginx', 'default/api']);
    expect(profile?.loadBalancer.pool.map(formatRange)).toEqual(['10.200.0.0/25']);
  });

  test.each(['', '# nothing\n', 'apiVersion: mkplan/v1alpha1\nkind: Tunnel\n'])(
    'may override nothing: %j',
    (local) => {
      expect(parse(spec, local).desired).toEqual(parse(spec).desired);
    },
  );

  test('may not add a profile', () => {
    const problems = problemsOf(spec, 'spec:\n  profiles:\n    - { name: minikub, context: x }\n');
    expect(places(problems)).toEqual(['tunnel.local.yaml 3:7 overlay-unknown-profile']);
    expect(problems[0]?.cause).toContain('minikube');
  });

  test('may not name a profile twice', () => {
    const local = 'spec:\n  profiles:\n    - { name: minikube }\n    - { name: minikube }\n';
    expect(places(problemsOf(spec, local))).toEqual(['tunnel.local.yaml 4:7 duplicate-profile']);
  });

  test('its profiles need a name', () => {
    const local = 'spec:\n  profiles:\n    - context: x\n';
    expect(places(problemsOf(spec, local))).toEqual(['tunnel.local.yaml 3:7 missing-key']);
  });

  test('its meaning is checked against what the spec keeps', () => {
    const local = 'spec:\n  profiles:\n    - { name: minikube, loadBalancer: { pool: [10.201.0.0/24] } }\n';
    expect(places(problemsOf(spec, local))).toEqual(['10:40 reservation-outside-pool']);
  });

  test('problems of both files are reported together', () => {
    const found = places(problemsOf(`${spec}      vai: auto\n`, 'spec: { profile: [] }\n'));
    expect(found).toEqual(['11:7 unknown-key', 'tunnel.local.yaml 1:9 unknown-key']);
  });

  test('the two together must keep the bounds of the schema', () => {
    const reservations = (from: number, count: number) =>
      Array.from(
        { length: count },
        (_, at) => `n/s${from + at}: 10.200.${(from + at) >> 8}.${(from + at) % 256}`,
      ).join(', ');
    const of = (pairs: string) =>
      `spec: { profiles: [{ name: m, loadBalancer: { pool: [10.200.0.0/16], reservations: { ${pairs} } } }] }\n`;
    const [first] = problemsOf(HEAD + of(reservations(0, 1000)), of(reservations(1000, 25)));
    expect(first).toMatchObject({ code: 'too-many' });
  });
});

describe('reporting', () => {
  test('everything is reported at once, schema and meaning alike, in the order of the file', () => {
    const text = `${HEAD}spec:
  conflictPolicey: abort
  profiles:
    - name: minikube
      gateway: 127.0.0.1
      cidrs:
        services: [10.97.0.0/12, 5, 10.0.0.0/33]
      loadBalancer:
        assign: pools
        pool: [10.200.0.0/24, 10.96.0.0-10.95.0.0]
        reservations: { default/nginx: 10.300.0.1, nginx: 10.200.0.1 }
`;
    expect(places(problemsOf(text))).toEqual([
      '5:3 unknown-key',
      '8:16 bad-gateway',
      '10:20 host-bits',
      '10:34 not-allowed',
      '10:37 bad-length',
      '12:17 not-allowed',
      '13:31 reversed-range',
      '14:40 bad-address',
      '14:52 bad-text',
    ]);
  });

  test('what the schema refused is not held against the spec twice', () => {
    const text = withProfile(
      'loadBalancer:\n  assign: pool\n  pool: [pool]\n  reservations: { a/b: 10.0.0.1 }',
    );
    expect(places(problemsOf(text))).toEqual(['9:16 bad-text']);
  });

  test('what cannot be told for a flawed pool is left open', () => {
    const text = withProfile(
      'loadBalancer:\n  pool: [10.0.0.0/33]\n  exclude: [10.0.0.9]\n  reservations: { a/b: 10.0.0.1 }',
    );
    expect(places(problemsOf(text))).toEqual(['8:16 bad-length']);
  });

  test('a flood of problems is cut, with a word', () => {
    const keys = Array.from({ length: 500 }, (_, at) => `k${at}: 1\n`).join('');
    const problems = problemsOf(keys + withProfile(''));
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)).toMatchObject({
      code: 'too-many-problems',
      summary: '400 more problems are not shown',
    });
  });

  test('an offending value cannot drive a terminal', () => {
    const [problem] = problemsOf(
      `${HEAD.replace('dev', '"\\e[2J\\u202e\\x9b"')}spec: { profiles: [{ name: m }] }`,
    );
    expect(problem?.summary).toContain('"\\u001b[2J\\u202e\\u009b"');
  });

  test.each([
    ['loadbalancer: {}', 'did you mean "loadBalancer"?'],
    ['gatway: auto', 'did you mean "gateway"?'],
    ['cidrs: { pod: auto }', 'did you mean "pods"?'],
    ['cidrs: { services: atuo }', 'did you mean auto?'],
    ['conflictPolicy: skpi', 'write skip'],
    ['routes: []', 'remove it'],
  ])('%s: %s', (body, fix) => {
    expect(problemsOf(withProfile(body))[0]?.fix).toBe(fix);
  });

  test.each([
    '1.30',
    '010',
    '0x10',
    '0o17',
    '1e3',
    '.inf',
    '12345678901234567890',
    'true',
    'True',
    'null',
    '~',
  ])('the fix for the name %s quotes what is written', (written) => {
    const [problem, ...others] = problemsOf(`${HEAD}spec: { profiles: [{ name: ${written} }] }`);
    expect(problem?.summary).toBe(`spec.profiles[0].name is ${written}`);
    expect(problem?.fix).toBe(`put it in quotes: "${written}"`);
    expect(others).toEqual([]);
    const mended = `${HEAD}spec: { profiles: [{ name: "${written}" }] }`;
    // A name that cannot begin so is another matter.
    if (/^[A-Za-z0-9]/.test(written)) expect(onlyProfile(parse(mended)).name).toBe(written);
  });

  test('a number that is no gateway, network or key is shown as it is written', () => {
    const text = withProfile(
      'gateway: 192.10\ncidrs: { services: [10.0] }\nloadBalancer: { pool: [10.200.0.0/24], reservations: { 1.30: 10.200.0.1 } }',
    );
    expect(problemsOf(text).map(({ summary }) => summary)).toEqual([
      'spec.profiles[0].gateway is 192.10',
      'spec.profiles[0].cidrs.services[0] is 10.0',
      '1.30 is not a key',
    ]);
  });

  test.each([
    ['10.200.0.10 - 10.200.0.20', '10.200.0.10-10.200.0.20'],
    ['10.200.0.10 -10.200.0.20', '10.200.0.10-10.200.0.20'],
    ['10.200.0.10-20', '10.200.0.10-10.200.0.20'],
    ['10.200.0.10 - 20', '10.200.0.10-10.200.0.20'],
    ['10.200.0.10-1.20', '10.200.0.10-10.200.1.20'],
    ['10.200.0.20-10', '10.200.0.10-10.200.0.20'],
    ['10.200.0.10–10.200.0.20', '10.200.0.10-10.200.0.20'],
    ['10.200.0.10—20', '10.200.0.10-10.200.0.20'],
    ['10.200.0.10−20', '10.200.0.10-10.200.0.20'],
    ['10.200.0.10~10.200.0.20', '10.200.0.10-10.200.0.20'],
    ['10.200.0.10..10.200.0.20', '10.200.0.10-10.200.0.20'],
    ['10.200.0.10 to 10.200.0.20', '10.200.0.10-10.200.0.20'],
    ['10.200.0.20-10.200.0.10', '10.200.0.10-10.200.0.20'],
    ['fd00::1 - fd00::9', 'fd00::1-fd00::9'],
    [' 10.200.0.0/24 ', '10.200.0.0/24'],
    ['10.200.0.0 /24', '10.200.0.0/24'],
    ['10.200.0.1.', '10.200.0.1'],
    ['010.200.0.1', '10.200.0.1'],
    ['10.200.000.1/32', '10.200.0.1/32'],
    ['\uff11\uff10.200.0.1', '10.200.0.1'],
    ['10.200.0.1\u200b', '10.200.0.1'],
  ])('%j in a pool is refused with the right spelling, which is then taken', (given, spelt) => {
    const pool = (text: string) => withProfile(`loadBalancer: { pool: [${JSON.stringify(text)}] }`);
    expect(problemsOf(pool(given)).map(({ fix }) => fix)).toEqual([`write ${spelt}`]);
    expect(onlyProfile(parse(pool(spelt))).loadBalancer.pool).toHaveLength(1);
  });

  test.each(['10.200.0.10-300', '10.200.0.*', 'x', '1-2-3', '10.200.0.0/24-10.200.1.0/24'])(
    '%j in a pool is refused without a guess, once',
    (given) => {
      const problems = problemsOf(withProfile(`loadBalancer: { pool: ["${given}"] }`));
      expect(problems).toHaveLength(1);
      expect(problems[0]?.fix).not.toMatch(/^write [^ia]/);
    },
  );

  test.each([
    ['gateway: 192.168.49.2/24', 'write 192.168.49.2'],
    ['cidrs: { services: 10.96.0.0/12 }', 'write it as a list: [10.96.0.0/12]'],
    ['cidrs: { services: ["10.96.0.0 /12"] }', 'write 10.96.0.0/12'],
    ['loadBalancer: { pool: 10.200.0.0/24 }', 'write it as a list: [10.200.0.0/24]'],
    [
      'loadBalancer:\n  pool: 10.200.0.0/24, 10.201.0.0/24',
      'write it as a list: [10.200.0.0/24, 10.201.0.0/24]',
    ],
    ['loadBalancer: { pool: [fd00::] }', 'put the IPv6 address in quotes: "fd00::"'],
    ['loadBalancer:\n  pool:\n    - fd00::', 'put the IPv6 address in quotes: "fd00::"'],
    ['gateway: fd00::', 'put the IPv6 address in quotes: "fd00::"'],
    ['\tgateway: auto', 'indent with spaces; YAML does not allow tabs there'],
    ['loadBalancer:\n\tpool:\n\t\t- 10.200.0.0/24', 'indent with spaces; YAML does not allow tabs there'],
    ['<<: { gateway: auto }', 'write the keys themselves; YAML 1.2 has no merge keys'],
    ['gateway: !!binary abc', 'remove the tag'],
    ['gateway: auto\0', 'save the file as UTF-8 if it is UTF-16, or give the path of a tunnel.yaml'],
  ])('%j: %s', (body, fix) => {
    expect(problemsOf(withProfile(body))[0]?.fix).toBe(fix);
  });

  test('a list that is written as a map, and a no-break space', () => {
    expect(problemsOf(`${HEAD}spec:\n  profiles:\n    name: m\n`)[0]?.fix).toContain('dash');
    expect(problemsOf(`${HEAD}spec:\n  profiles:\n    - name:\u00a0m\n`)[0]?.fix).toContain('no-break space');
  });

  test('messages say what, why and what to do', () => {
    const text = withProfile(
      'cidrs: { services: [10.97.0.0/12] }\nvia: tunnel\nloadBalancer: { pool: [8.8.8.0/24] }',
    );
    expect(problemsOf(text)).toMatchInlineSnapshot(`
      [
        {
          "at": {
            "column": 27,
            "file": "tunnel.yaml",
            "line": 7,
          },
          "cause": "bits are set behind the 12-bit prefix, and which of the two was meant cannot be told",
          "code": "host-bits",
          "fix": "write 10.96.0.0/12, or correct the length",
          "severity": "error",
          "summary": "10.97.0.0/12 is 10.96.0.0/12",
        },
        {
          "at": {
            "column": 12,
            "file": "tunnel.yaml",
            "line": 8,
          },
          "cause": "it is one of auto, route, forward",
          "code": "not-allowed",
          "fix": "write one of these",
          "severity": "error",
          "summary": "spec.profiles[0].via is "tunnel"",
        },
        {
          "at": {
            "column": 30,
            "file": "tunnel.yaml",
            "line": 9,
          },
          "cause": "8.8.8.0/24 is public; a spec can come from a stranger, so it reaches private ranges alone",
          "code": "forbidden-range",
          "fix": "use a range of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 198.18.0.0/15 or fc00::/7; only /etc/mkplan/policy.json can allow others",
          "severity": "error",
          "summary": "8.8.8.0/24 may not be routed",
        },
      ]
    `);
  });
});

describe('any input', () => {
  const fragments = [
    'apiVersion: mkplan/v1alpha1',
    'kind: Tunnel',
    'metadata:',
    'name: dev',
    'spec:',
    'profiles:',
    '- ',
    '  ',
    '\n',
    ': ',
    '[',
    ']',
    '{',
    '}',
    ',',
    '&a ',
    '*a',
    '!!str ',
    '!x ',
    '"',
    "'",
    '|',
    '>',
    '#',
    '---',
    '...',
    '%YAML 1.2',
    '? ',
    '\t',
    '__proto__: 1',
    'constructor: {}',
    '<<: *a',
    '10.0.0.0/8',
    '.inf',
    '0x7f',
    '~',
    'null',
    '\u0000',
    '\ufeff',
    '\r',
    '\u2028',
  ];
  const yamlish = fc
    .array(fc.oneof(fc.constantFrom(...fragments), fc.string({ unit: 'binary', maxLength: 4 })))
    .map((parts) => parts.join(''));

  function outcome(text: string, local?: string): void {
    try {
      parse(text, local);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      expect(error.diagnostics.length).toBeGreaterThan(0);
      for (const { code, summary, cause, fix } of error.diagnostics) {
        expect(code).toMatch(/^[a-z0-9-]+$/);
        for (const shown of [summary, cause, fix])
          expect(shown).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,600}$/u);
      }
    }
  }

  test('of text never throws anything but a Failure', () => {
    fc.assert(fc.property(yamlish, fc.option(yamlish, { nil: undefined }), outcome), { numRuns: 2000 });
  });

  test('of structure never throws anything but a Failure', () => {
    const keys = [
      'apiVersion',
      'kind',
      'metadata',
      'spec',
      'name',
      'profiles',
      'gateway',
      'ipv4',
      'cidrs',
      'services',
      'pods',
      'cidr',
      'loadBalancer',
      'pool',
      'reservations',
      'conflictPolicy',
      '__proto__',
    ];
    const words = [
      'mkplan/v1alpha1',
      'Tunnel',
      'auto',
      'none',
      'pool',
      '10.0.0.0/8',
      '10.0.0.1',
      'fd00::/64',
      '10.0.0.1-10.0.0.9',
      'a/b',
      'm',
    ];
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6, withCrossShrink: true },
        fc.oneof(fc.constantFrom(...words), fc.integer(), fc.boolean(), fc.constant(null)),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie('tree'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(tree, tree, (one, other) => outcome(JSON.stringify(one), JSON.stringify(other))),
      { numRuns: 2000 },
    );
  });

  test('that is valid loads, with every CIDR as it was given', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const cidr = fc.tuple(octet, octet).map(([a, b]) => `10.${a}.${b}.0/24`);
    const profile = fc.record({
      services: fc.uniqueArray(cidr, { minLength: 1, maxLength: 8 }),
      name: fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,20}$/),
    });
    const profiles = fc.uniqueArray(profile, { minLength: 1, maxLength: 5, selector: ({ name }) => name });
    fc.assert(
      fc.property(profiles, (given) => {
        const spec = { profiles: given.map(({ name, services }) => ({ name, cidrs: { services } })) };
        const text = JSON.stringify({
          apiVersion: 'mkplan/v1alpha1',
          kind: 'Tunnel',
          metadata: { name: 'x' },
          spec,
        });
        const read = parse(text).desired.profiles.map(({ name, services }) => ({
          name,
          services: Array.isArray(services.value)
            ? services.value.map(({ prefix }) => formatPrefix(prefix))
            : [],
        }));
        expect(read).toEqual(given);
      }),
    );
  });
});
