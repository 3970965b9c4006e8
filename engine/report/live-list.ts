import { DefaultRenderer, Listr, ListrLogger, type ListrTask, ProcessOutput } from 'listr2';

export interface LiveLine {
  retitle(title: string): void;
  /** A line of its own below the title, which stays. */
  note(text: string): void;
  end(title: string): void;
}

export interface LiveList {
  add(title: string): LiveLine;
  /** Draws the last frame, or a text in its place, and gives the terminal back; lines that still run end as they are. */
  close(inPlace?: string): Promise<void>;
}

interface Link {
  readonly task: Task;
  readonly next: Promise<Link | undefined>;
}

/** listr2 draws only where stdout is a terminal; ours draws on stderr, wherever stdout goes. */
class StderrRenderer extends DefaultRenderer {
  static override readonly nonTTY: boolean = true;
}

/** The same, with a text in the place of the list once there is one. */
const rendererOf = (inPlace: () => string | undefined): typeof StderrRenderer =>
  class extends StderrRenderer {
    override create(options?: Parameters<DefaultRenderer['create']>[0]): string {
      return inPlace() ?? super.create(options);
    }
  };

type Task = ListrTask<unknown, typeof StderrRenderer>;

/**
 * A listr2 list that grows while it runs. listr2 runs the tasks that it has at its start, so each link of a chain of
 * untitled tasks (listr2 draws their subtasks in their place) holds one line and a task that waits for the next.
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
    // Signals are the program's: listr2 would end the process with a code of its own.
    registerSignalListeners: false,
    renderer: rendererOf(() => inPlace),
    rendererOptions: {
      formatOutput: 'truncate',
      // listr2 knows no warned and no reused task, so the mark of a line that ended is part of its title.
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
