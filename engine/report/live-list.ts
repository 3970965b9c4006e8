import { DefaultRenderer, Listr, ListrLogger, type ListrTask, ProcessOutput } from 'listr2';

export interface LiveLine {
  retitle(title: string): void;
  /** Adds a permanent line below the title. */
  note(text: string): void;
  end(title: string): void;
}

export interface LiveList {
  add(title: string): LiveLine;
  /** Draws the last frame, or a text instead, and releases the terminal; running lines end as they are. */
  close(inPlace?: string): Promise<void>;
}

interface Link {
  readonly task: Task;
  readonly next: Promise<Link | undefined>;
}

/** listr2 draws only if stdout is a terminal; this renderer draws on stderr, wherever stdout goes. */
class StderrRenderer extends DefaultRenderer {
  static override readonly nonTTY: boolean = true;
}

/** Does the same, but draws a text instead of the list once there is one. */
const rendererOf = (inPlace: () => string | undefined): typeof StderrRenderer =>
  class extends StderrRenderer {
    override create(options?: Parameters<DefaultRenderer['create']>[0]): string {
      return inPlace() ?? super.create(options);
    }
  };

type Task = ListrTask<unknown, typeof StderrRenderer>;

/**
 * A listr2 list that grows while it runs. listr2 runs only the tasks that exist at its start, so the list is a chain of
 * untitled tasks, which listr2 draws as their subtasks: each link has one line and a task that waits for the next link.
 */
export function createLiveList(terminal: NodeJS.WriteStream): LiveList {
  let tail = Promise.withResolvers<Link | undefined>();
  const open = new Set<() => void>();

  const follow = (next: Promise<Link | undefined>): Task => ({
    async task(_, wrapper) {
      const link = await next;
      return link && wrapper.newListr([link.task, follow(link.next)], { concurrent: true });
    },
  });

  let inPlace: string | undefined;
  const finished = new Listr(follow(tail.promise), {
    // The program handles signals: listr2 would end the process with its own exit code.
    registerSignalListeners: false,
    renderer: rendererOf(() => inPlace),
    rendererOptions: {
      formatOutput: 'truncate',
      // listr2 has no state for warned or reused tasks, so the mark of an ended line is part of its title.
      icon: { COMPLETED: '', OUTPUT: '' },
      logger: new ListrLogger({ processOutput: new ProcessOutput(terminal, terminal) }),
    },
  }).run();

  return {
    add(title) {
      const ended = Promise.withResolvers<void>();
      open.add(ended.resolve);
      let current = title;
      const early: string[] = [];
      let retitle = (_: string) => {};
      let note = (text: string): void => void early.push(text);

      const following = Promise.withResolvers<Link | undefined>();
      tail.resolve({
        next: following.promise,
        task: {
          title,
          rendererOptions: { outputBar: Number.POSITIVE_INFINITY, persistentOutput: true },
          task(_, wrapper) {
            retitle = (text) => {
              wrapper.title = text;
            };
            note = (text) => {
              wrapper.output = text;
            };
            retitle(current);
            early.forEach(note);
            return ended.promise;
          },
        },
      });
      tail = following;

      return {
        retitle(text) {
          current = text;
          retitle(text);
        },
        note: (text) => note(text),
        end(text) {
          this.retitle(text);
          open.delete(ended.resolve);
          ended.resolve();
        },
      };
    },
    async close(text) {
      inPlace = text;
      tail.resolve(undefined);
      for (const end of open) end();
      await finished;
    },
  };
}
