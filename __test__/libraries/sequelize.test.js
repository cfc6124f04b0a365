'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { DataTypes, QueryTypes, Sequelize, UniqueConstraintError } = require('sequelize');
const { newDatabase, onBothDrivers } = require('../support/library');

onBothDrivers(({ driver }) => {
  let sequelize;
  let User;
  let Task;
  let Label;

  before(async () => {
    const { config } = await newDatabase();
    sequelize = new Sequelize({
      dialect: 'postgres',
      dialectModule: driver,
      host: config.host,
      port: config.port,
      username: config.user,
      password: config.password,
      database: config.database,
      logging: false,
      pool: { max: 4, min: 0 },
    });
    User = sequelize.define('User', {
      name: { type: DataTypes.STRING(40), unique: true, allowNull: false },
      settings: DataTypes.JSONB,
      tags: DataTypes.ARRAY(DataTypes.TEXT),
      mood: DataTypes.ENUM('good', 'bad'),
      score: DataTypes.BIGINT,
      fee: DataTypes.DECIMAL(8, 2),
      when: DataTypes.DATE,
      span: DataTypes.RANGE(DataTypes.INTEGER),
      secret: DataTypes.BLOB,
    });
    Task = sequelize.define('Task', { title: DataTypes.TEXT });
    User.hasMany(Task);
    Task.belongsTo(User);
    Label = sequelize.define('Label', { text: { type: DataTypes.TEXT, unique: true } });
    Task.belongsToMany(Label, { through: 'TaskLabels' });
    Label.belongsToMany(Task, { through: 'TaskLabels' });
    await sequelize.sync();
  });

  after(() => sequelize.close());

  test('sequelize writes and reads every kind of column', async () => {
    const when = new Date('2024-05-06T07:08:09.123Z');
    await User.create({
      name: 'Ada',
      settings: { deep: { list: [1, null] } },
      tags: ['a', 'b "c"'],
      mood: 'bad',
      score: '9007199254740993',
      fee: '12.50',
      when,
      span: [1, 5],
      secret: Buffer.from([0, 255, 1]),
    });
    const { dataValues } = await User.findOne({ where: { name: 'Ada' } });
    assert.deepEqual(dataValues.settings, { deep: { list: [1, null] } });
    assert.deepEqual(dataValues.tags, ['a', 'b "c"']);
    assert.equal(dataValues.mood, 'bad');
    assert.equal(dataValues.score, '9007199254740993');
    assert.equal(dataValues.fee, '12.50');
    assert.deepEqual(dataValues.when, when);
    assert.deepEqual(
      dataValues.span.map(({ value }) => value),
      [1, 5],
    );
    assert.deepEqual(dataValues.secret, Buffer.from([0, 255, 1]));
  });

  test('sequelize loads associations', async () => {
    const ada = await User.findOne({ where: { name: 'Ada' } });
    await ada.createTask({ title: 'first' });
    await ada.createTask({ title: 'second' });
    const found = await User.findAll({ include: Task, order: [[Task, 'id', 'ASC']] });
    assert.deepEqual(
      found[0].Tasks.map(({ title }) => title),
      ['first', 'second'],
    );
  });

  test('sequelize counts, aggregates and updates', async () => {
    assert.equal(await Task.count({ where: { title: ['first', 'second', 'third'] } }), 2);
    const [changed, rows] = await Task.update(
      { title: 'done' },
      { where: { title: 'first' }, returning: true },
    );
    assert.equal(changed, 1);
    assert.equal(rows[0].title, 'done');
    assert.equal(await Task.destroy({ where: { title: 'second' } }), 1);
  });

  test('sequelize rolls back a transaction that fails', async () => {
    await assert.rejects(
      sequelize.transaction(async (transaction) => {
        await User.create({ name: 'Grace' }, { transaction });
        await User.create({ name: 'Ada' }, { transaction });
      }),
      (error) => {
        assert.ok(error instanceof UniqueConstraintError);
        assert.deepEqual(error.fields, { name: 'Ada' });
        assert.equal(error.parent.code, '23505');
        return true;
      },
    );
    assert.equal(await User.count(), 1);
  });

  test('sequelize binds parameters and replaces others', async () => {
    const rows = await sequelize.query('SELECT $1::int + $2::int AS sum', {
      bind: [1, 2],
      type: QueryTypes.SELECT,
    });
    assert.deepEqual(rows, [{ sum: 3 }]);
    const texts = await sequelize.query('SELECT :text AS text', {
      replacements: { text: "O'Brien \\" },
      type: QueryTypes.SELECT,
    });
    assert.deepEqual(texts, [{ text: "O'Brien \\" }]);
  });

  test('sequelize finds or creates once, however many ask', async () => {
    const found = await Promise.all(
      Array.from({ length: 6 }, () =>
        User.findOrCreate({ where: { name: 'Once' }, defaults: { mood: 'good' } }),
      ),
    );
    assert.equal(found.filter(([, created]) => created).length, 1);
    assert.equal(new Set(found.map(([{ id }]) => id)).size, 1);
  });

  test('sequelize describes tables and their indexes', async () => {
    const queries = sequelize.getQueryInterface();
    const columns = await queries.describeTable('Users');
    assert.deepEqual(columns.mood.special, ['good', 'bad']);
    assert.equal(columns.tags.type, 'ARRAY');
    const indexes = await queries.showIndex('Users');
    assert.deepEqual(indexes.map(({ name }) => name).sort(), ['Users_name_key', 'Users_pkey']);
  });

  test('sequelize writes many rows at once, and changes those that are there', async () => {
    const made = await Label.bulkCreate(
      Array.from({ length: 500 }, (_, n) => ({ text: `label ${n}` })),
      { returning: true },
    );
    assert.equal(new Set(made.map(({ id }) => id)).size, 500);
    const again = await Label.bulkCreate([{ text: 'label 1' }, { text: 'new' }], {
      updateOnDuplicate: ['updatedAt'],
      conflictAttributes: ['text'],
    });
    assert.equal(again.length, 2);
    assert.equal(await Label.count(), 501);
    const [, created] = await Label.upsert({ text: 'new' }, { conflictFields: ['text'] });
    assert.equal(created === null || typeof created === 'boolean', true);
    assert.equal(await Label.count(), 501);
  });

  test('sequelize links rows through a table between them', async () => {
    const task = await Task.create({ title: 'linked' });
    const labels = await Label.findAll({ where: { text: ['label 1', 'label 2'] } });
    await task.setLabels(labels);
    const [found] = await Task.findAll({ where: { title: 'linked' }, include: Label });
    assert.deepEqual(found.Labels.map(({ text }) => text).sort(), ['label 1', 'label 2']);
    await task.removeLabel(labels[0]);
    assert.equal(await task.countLabels(), 1);
  });

  test('sequelize undoes an inner transaction alone', async () => {
    await sequelize.transaction(async (outer) => {
      await Task.create({ title: 'outer' }, { transaction: outer });
      await assert.rejects(
        sequelize.transaction({ transaction: outer }, async (inner) => {
          await Task.create({ title: 'inner' }, { transaction: inner });
          throw new Error('undo');
        }),
        { message: 'undo' },
      );
    });
    assert.equal(await Task.count({ where: { title: ['outer', 'inner'] } }), 1);
  });

  test('sequelize sets the isolation level, and locks rows', async () => {
    await sequelize.transaction({ isolationLevel: 'SERIALIZABLE' }, async (transaction) => {
      const [{ transaction_isolation: level }] = await sequelize.query('SHOW transaction_isolation', {
        transaction,
        type: QueryTypes.SELECT,
      });
      assert.equal(level, 'serializable');
      const locked = await Task.findOne({
        where: { title: 'outer' },
        lock: transaction.LOCK.UPDATE,
        transaction,
      });
      assert.equal(locked.title, 'outer');
      assert.equal(await Task.findOne({ where: { title: 'outer' }, lock: true, skipLocked: true }), null);
    });
  });
});
