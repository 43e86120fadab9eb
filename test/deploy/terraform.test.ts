import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { z } from 'zod';
import { findBinary } from '../servers/server-process.js';

/**
 * Terraform for three regions, as far as it can be checked without an account: formatting, `validate` where Terraform and the
 * provider are on the machine, cloud-init against the keys that it uses, and rules of our own on the text. Nothing was ever applied.
 */

const folder = resolve(import.meta.dirname, '../../deploy/terraform');
const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
const terraform = findBinary('terraform');
/** Where providers lie that were put on a machine by hand, in the layout of a mirror. */
const MIRRORS = [
  process.env['TF_PLUGIN_DIR'] ?? '',
  '/opt/tf-plugins',
  join(homedir(), '.terraform.d/plugins'),
];
const mirror = MIRRORS.find((path) => existsSync(join(path, 'registry.terraform.io/hashicorp/aws')));

const run = (args: readonly string[], cwd: string) =>
  spawnSync(terraform!, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, TF_CLI_CONFIG_FILE: '/dev/null', CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1' },
  });

t.test('the files are formatted', { skip: terraform === null ? 'no terraform' : false }, async (t) => {
  const formatted = run(['fmt', '-check', '-recursive', '-diff'], folder);
  t.equal(formatted.status, 0, formatted.stdout + formatted.stderr);
});

const unfit =
  terraform === null ? 'no terraform' : mirror === undefined ? 'no AWS provider on this machine' : false;

t.test('Terraform and the AWS provider find them valid', { skip: unfit }, async (t) => {
  const copy = t.testdir({});
  cpSync(folder, copy, { recursive: true });
  const init = run(['init', '-backend=false', '-input=false', '-no-color', `-plugin-dir=${mirror}`], copy);
  t.equal(init.status, 0, init.stdout + init.stderr);
  const checked = run(['validate', '-json'], copy);
  t.match(JSON.parse(checked.stdout), { valid: true, error_count: 0, warning_count: 0 }, checked.stdout);
});

t.test('Tokyo, Singapore and Seoul are there, and nothing but SSH is open to the Internet', async (t) => {
  const regions = [...read('versions.tf').matchAll(/region = "([a-z0-9-]+)"/g)].map((match) => match[1]);
  t.same(regions, ['ap-northeast-1', 'ap-southeast-1', 'ap-northeast-2']);
  const names = [...read('main.tf').matchAll(/^module "(\w+)"/gm)].map((match) => match[1]);
  t.same(names, ['tokyo', 'singapore', 'seoul']);
  const region = read('modules/region/main.tf');
  const rules = [
    ...region.matchAll(/resource "aws_vpc_security_group_ingress_rule" "(\w+)" \{([\s\S]*?)\n\}/g),
  ];
  t.same(
    rules.map((match) => match[1]),
    ['ssh', 'cluster'],
  );
  for (const [, name, body = ''] of rules) {
    t.notMatch(body, /0\.0\.0\.0|::\/0/, `${name} is not for everybody`);
    t.match(body, name === 'ssh' ? /ssh_cidrs[\s\S]*from_port +=+ 22\n/ : /cluster_cidrs/);
  }
  t.match(region, /strategy = "cluster"/);
  t.match(region, /http_tokens +=+ "required"/);
  t.match(region, /encrypted +=+ true/);
  t.match(read('variables.tf'), />= 16/, 'SSH from the whole Internet is refused');
});

t.test('no secret and no state is among the files', async (t) => {
  const files = readdirSync(folder, { recursive: true }).map(String).sort();
  t.same(
    files.filter((path) => /tfstate|\.terraform|terraform\.tfvars$/.test(path)),
    [],
  );
  for (const path of files.filter((one) => /\.(?:tf|tftpl|example)$/.test(one)))
    t.notMatch(read(path), /AKIA[0-9A-Z]{16}|aws_secret|-----BEGIN|password *= *"/i, path);
});

/** Of cloud-init's schema what this file uses. */
const cloudConfig = z.strictObject({
  package_update: z.boolean(),
  packages: z.array(z.string().regex(/^[a-z0-9.+-]+$/)),
  users: z.array(
    z.union([
      z.literal('default'),
      z.strictObject({
        name: z.string(),
        system: z.boolean(),
        no_create_home: z.boolean(),
        shell: z.string(),
        lock_passwd: z.boolean(),
      }),
    ]),
  ),
  write_files: z.array(
    z.strictObject({
      path: z.string().startsWith('/'),
      permissions: z.string().regex(/^0[0-7]{3}$/),
      content: z.string(),
    }),
  ),
  runcmd: z.array(z.array(z.string()).min(1)),
});

t.test(
  'cloud-init installs a Node that is new enough, keeps the time and makes account and folder',
  async (t) => {
    const template = read('modules/region/cloud-init.yaml.tftpl');
    t.match(template, /^#cloud-config\n/);
    const values: Readonly<Record<string, string>> = { node_version: '20.19.5', node_sha256: 'a'.repeat(64) };
    const used = new Set([...template.matchAll(/\$\{(\w+)\}/g)].map((match) => match[1]!));
    t.same([...used].sort(), Object.keys(values).sort(), 'every value that the template wants is handed in');
    const config = cloudConfig.parse(
      parse(template.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => values[name]!)),
    );
    t.ok(config.packages.includes('chrony'));
    t.same(
      config.runcmd.find(([command]) => command === '/usr/local/sbin/install-node'),
      [...['/usr/local/sbin/install-node', '20.19.5', 'a'.repeat(64)]],
    );
    t.match(config.users, ['default', { name: 'arbot', shell: '/usr/sbin/nologin' }]);
    t.ok(config.runcmd.some((words) => words.at(-1) === '/opt/arbot'));
    const script = config.write_files.find(({ path }) => path.endsWith('install-node'))!.content;
    t.equal(spawnSync('sh', ['-n', '-c', script]).status, 0, 'the script is one');
    t.match(script, /sha256sum --check --status[\s\S]*tar -xJf/, 'nothing is unpacked before it was checked');
    for (const value of ['20.18.9', '18.20.0', '21.1.0']) t.notMatch(value, versionRule(), value);
    for (const value of ['20.19.0', '20.20.2', '22.1.0', '24.0.1']) t.match(value, versionRule(), value);
  },
);

/** The condition of `node_version`, whose backslashes are doubled in HCL. */
function versionRule(): RegExp {
  const [, text = ''] = /regex\("(\^\(20[^"]+)", var\.node_version\)/.exec(read('variables.tf')) ?? [];
  return new RegExp(text.replaceAll('\\\\', '\\'));
}
