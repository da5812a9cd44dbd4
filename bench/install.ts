import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { megabytes, pack, productionPackages, sizeLimits, sizeOf } from '../build/package-size.ts';
import type { Bench, Contest } from './contestants.ts';
import type { Contestant } from './measure.ts';

const seconds = 6;

/** What `npm i` of the packed package takes in an empty folder, and what it leaves there. */
export async function install({ folder }: Bench): Promise<Contest> {
  const { tarball, size } = pack(folder);
  const empty = join(folder, 'empty-package');
  await mkdir(empty);
  await writeFile(join(empty, 'package.json'), '{ "name": "empty", "version": "1.0.0" }');
  const project = join(folder, 'project');
  const installing = (name: string, source: string): Contestant => ({
    name,
    command: {
      file: 'npm',
      args: ['install', source, '--no-audit', '--no-fund'],
      cwd: project,
      environment: ofNpm(),
    },
    async prepare() {
      await rm(project, { recursive: true, force: true });
      await mkdir(project);
      await writeFile(join(project, 'package.json'), '{ "private": true }');
    },
  });
  const floor = 'npm i of an empty package';
  return {
    title: 'Installation of the packed package, warm cache',
    floor,
    rounds: 5,
    warmUps: 1,
    contestants: [
      installing(floor, empty),
      { ...installing('npm i of dbops', tarball), limits: [{ seconds }] },
    ],
    quantities: () => {
      const packages = productionPackages(join(project, 'package-lock.json'));
      const installed = megabytes(sizeOf(join(project, 'node_modules')));
      return [
        { name: 'packed', value: megabytes(size), unit: ' MB', limit: sizeLimits.packed },
        { name: 'installed', value: installed, unit: ' MB', limit: sizeLimits.installed },
        { name: 'packages', value: packages.length, unit: '', limit: sizeLimits.packages },
      ];
    },
  };
}

/** The way to the registry: the commands of the bench get none of our environment. */
function ofNpm(): Record<string, string> {
  const isNeeded = /^(?:https?_proxy|no_proxy|node_extra_ca_certs|npm_config_cafile)$/i;
  const needed = Object.entries(process.env).flatMap(([name, value]): [string, string][] =>
    value !== undefined && isNeeded.test(name) ? [[name, value]] : [],
  );
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  return { ...Object.fromEntries(needed), npm_config_registry: registry };
}
